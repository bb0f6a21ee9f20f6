/* Finalization at shutdown: threads that are stopped. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_immortal_port.h" // _PyPort_Frame()
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

/* Without memory, something is not found to be in use. */
static void
note_frame(_PyInterpreterFrame *frame)
{
    int n = _PyPort_FrameSlots(frame, 1);
    for (int i = 0; i < n; i++) {
        PyObject *op = _PyPort_FrameSlot(frame, i);
        if (op != NULL) {
            (void)_Py_addrset_add(&in_use, op);
        }
    }
    (void)_Py_addrset_add(&in_use, _PyPort_FrameFunction(frame));
}

void
_PyFinalize_ThreadsStop(PyThreadState *tstate)
{
    Py_ssize_t n = 0;
    _Py_addrset_clear(&in_use);
    PyThreadState *ts = PyInterpreterState_ThreadHead(tstate->interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts != tstate) {
            _PyInterpreterFrame *frame = _PyPort_Frame(ts);
            for (; frame != NULL; frame = _PyPort_OuterFrame(frame)) {
                note_frame(frame);
            }
            n++;
        }
    }
    _PyFinalize_BeginWaits(n);
    _PyGC_TakeBack(tstate);
}
