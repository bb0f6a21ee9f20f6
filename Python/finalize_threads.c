/* Finalization at shutdown: threads that are stopped. */

#include "Python.h"
#include "pycore_finalize.h"
#include "pycore_frame.h"         // _PyInterpreterFrame
#include "pycore_interp.h"
#include "pycore_pystate.h"

/* Addresses of what was on the stacks of stopped threads. */
static _Py_addrset in_use = {0};

int
_PyFinalize_WasInUse(PyObject *op)
{
    return in_use.used > 0 && _Py_addrset_has(&in_use, op);
}

int
_PyFinalize_AnyInUse(void)
{
    return in_use.used > 0;
}

/* Where the evaluation stack of a frame ends is in a register of its thread's
   interpreter loop: what lies above the end is stale, and only its address is
   taken.  Without memory, something is not found to be in use. */
static void
note_frame(_PyInterpreterFrame *frame)
{
    int n = frame->stacktop;
    if (n < 0) {
        n = frame->f_code->co_nlocalsplus + frame->f_code->co_stacksize;
    }
    for (int i = 0; i < n; i++) {
        if (frame->localsplus[i] != NULL) {
            (void)_Py_addrset_add(&in_use, frame->localsplus[i]);
        }
    }
    (void)_Py_addrset_add(&in_use, frame->f_func);
}

void
_PyFinalize_ThreadsStop(PyThreadState *tstate)
{
    Py_ssize_t n = 0;
    _Py_addrset_clear(&in_use);
    PyThreadState *ts = PyInterpreterState_ThreadHead(tstate->interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts != tstate) {
            _PyInterpreterFrame *frame = ts->cframe->current_frame;
            for (; frame != NULL; frame = frame->previous) {
                note_frame(frame);
            }
            n++;
        }
    }
    _PyFinalize_BeginWaits(n);
    _PyGC_TakeBack(tstate);
}
