/* Finalization at shutdown: threads that are stopped. */

#include "Python.h"
#include "pycore_deallocators.h"  // _PyDeallocators_IsForeign()
#include "pycore_finalize.h"      // _PyFinalize_ThreadsAreGone()
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

/* What threads that a fork left behind may be busy with.  Their references are
   never given up: nothing else comes to be at these addresses.  Nothing is
   added once there is another thread, so that each interpreter may look. */
static _Py_addrset gone_with = {0};

int
_PyFinalize_IsBusy(PyObject *op)
{
    _Py_addrset *called = &_PyFinalize_stopped.called;
    return (called->used > 0 && _Py_addrset_has(called, op)) ||
        _Py_addrset_has_shared(&gone_with, op);
}

/* Has op a finalizer that is C code?  Code of the user's may run while another
   of its methods does; C code need not expect that. */
static int
add_called(PyObject *op, void *set)
{
    destructor finalize = (destructor)Py_TYPE(op)->tp_finalize;
    if (finalize != NULL && !_PyDeallocators_IsOwnCode(finalize)) {
        (void)_Py_addrset_add(set, op);
    }
    return 0;
}

/* C code is at work with op.  So it may be with what a class that is written
   in Python, and has a __del__, inherits from an extension's; and with what is
   in the lists that it was given.  The standard library expects it. */
static int
add_in_use(PyObject *op, void *set)
{
    PyTypeObject *type = Py_TYPE(op);
    if (type->tp_finalize != NULL && _PyDeallocators_IsOthers(type)) {
        (void)_Py_addrset_add(set, op);
    }
    return add_called(op, set);
}

static int
add_in_pair(PyObject *op, void *set)
{
    if (PyTuple_CheckExact(op) || PyList_CheckExact(op)) {
        (void)Py_TYPE(op)->tp_traverse(op, add_in_use, set);
    }
    return add_in_use(op, set);
}

static int
is_collection(PyObject *op)
{
    return PyTuple_CheckExact(op) || PyList_CheckExact(op) ||
        PyDict_CheckExact(op) || PySet_CheckExact(op);
}

/* Note what the operands of frame are, and what those are about that C code
   works with: a cursor's connection, or what a method is bound to.

   innermost -- it has called C code. */
static void
note_called(_PyInterpreterFrame *frame, int innermost, _Py_addrset *set)
{
    int n = _PyPort_FrameSlots(frame, 1);
    for (int i = _PyPort_FirstOperand(frame); i < n; i++) {
        PyObject *op = _PyPort_FrameSlot(frame, i);
        if (op == NULL) {
            continue;
        }
        visitproc add = innermost ? add_in_use : add_called;
        add(op, set);
        traverseproc traverse = Py_TYPE(op)->tp_traverse;
        if (innermost && is_collection(op)) {
            (void)traverse(op, add_in_pair, set);
        }
        else if (traverse != NULL &&
                 (PyCFunction_Check(op) ||
                  _PyDeallocators_IsForeign(Py_TYPE(op))))
        {
            (void)traverse(op, add, set);
        }
    }
}

/* Without memory, something is not found to be in use. */
static void
note_frame(_PyInterpreterFrame *frame)
{
    int n = _PyPort_FrameSlots(frame, 1);
    for (int i = 0; i < n; i++) {
        PyObject *op = _PyPort_FrameSlot(frame, i);
        if (op != NULL) {
            (void)_Py_addrset_add(&_PyFinalize_stopped.in_use, op);
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
                note_called(frame, frame == _PyPort_Frame(ts),
                            &stopped->called);
            }
            stopped->n++;
        }
    }
    if (_Py_IsMainInterpreter(tstate->interp)) {
        _PyGC_TakeBack(tstate);
    }
}

void
_PyFinalize_ThreadsAreGone(PyThreadState *tstate)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(tstate->interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts != tstate) {
            _PyInterpreterFrame *frame = _PyPort_Frame(ts);
            for (; frame != NULL; frame = frame->previous) {
                note_called(frame, frame == _PyPort_Frame(ts), &gone_with);
            }
        }
    }
}
