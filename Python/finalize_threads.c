/* Finalization at shutdown: threads that are stopped. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_immortal_port.h" // _PyPort_Frame()
#include "pycore_interp.h"
#include "pycore_pystate.h"

_PyPort_THREAD_LOCAL struct _Py_finalize_stopped _PyFinalize_stopped = {0};

int
_PyFinalize_WasInUse(PyObject *op)
{
    return _PyFinalize_AnyInUse() &&
        _Py_addrset_has(&_PyFinalize_stopped.in_use, op);
}

int
_PyFinalize_AnyInUse(void)
{
    return _PyFinalize_stopped.in_use.used > 0;
}

int
_PyFinalize_IsBusy(PyObject *op)
{
    return _PyFinalize_stopped.called.used > 0 &&
        _Py_addrset_has(&_PyFinalize_stopped.called, op) &&
        !_PyDeallocators_IsOwnCode((destructor)Py_TYPE(op)->tp_finalize);
}

/* Without memory, something is not found to be in use. */
static void
note_frame(_PyInterpreterFrame *frame)
{
    int n = _PyPort_FrameSlots(frame, 1);
    int operands = _PyPort_FirstOperand(frame);
    for (int i = 0; i < n; i++) {
        PyObject *op = _PyPort_FrameSlot(frame, i);
        if (op != NULL) {
            (void)_Py_addrset_add(&_PyFinalize_stopped.in_use, op);
            if (i >= operands) {
                (void)_Py_addrset_add(&_PyFinalize_stopped.called, op);
            }
        }
    }
    (void)_Py_addrset_add(&_PyFinalize_stopped.in_use,
                          _PyPort_FrameFunction(frame));
}

void
_PyFinalize_ThreadsStop(PyThreadState *tstate)
{
    struct _Py_finalize_stopped *stopped = &_PyFinalize_stopped;
    if (stopped->depth == 0) {
        _Py_addrset_clear(&stopped->in_use);
        _Py_addrset_clear(&stopped->called);
        memset(stopped, 0, sizeof(*stopped));
    }
    PyThreadState *ts = PyInterpreterState_ThreadHead(tstate->interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts != tstate) {
            _PyInterpreterFrame *frame = _PyPort_Frame(ts);
            for (; frame != NULL; frame = frame->previous) {
                note_frame(frame);
            }
            stopped->n++;
        }
    }
    if (_Py_IsMainInterpreter(tstate->interp)) {
        _PyGC_TakeBack(tstate);
    }
}
