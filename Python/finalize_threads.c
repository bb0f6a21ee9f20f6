/* Finalization at shutdown: threads that are stopped. */

#include "Python.h"
#include "pycore_deallocators.h"  // _PyDeallocators_IsForeign()
#include "pycore_finalize.h"      // _PyFinalize_ThreadsAreGone()
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // lists_visit()
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

/* Note what op is, an operand, and what it is about that C code works with: a
   cursor's connection, or what a method is bound to.

   innermost -- of a frame that has called C code. */
static void
note_operand(PyObject *op, int innermost, _Py_addrset *set)
{
    visitproc add = innermost ? add_in_use : add_called;
    add(op, set);
    traverseproc traverse = Py_TYPE(op)->tp_traverse;
    if (innermost && is_collection(op)) {
        (void)traverse(op, add_in_pair, set);
    }
    else if (traverse != NULL &&
             (PyCFunction_Check(op) || _PyDeallocators_IsForeign(Py_TYPE(op))))
    {
        (void)traverse(op, add, set);
    }
}

/* Note the operands of frame.

   unsure -- gets the addresses of those of an innermost frame that may not be
             objects any more; or NULL. */
static void
note_called(_PyInterpreterFrame *frame, int innermost, _Py_addrset *set,
            _Py_addrset *unsure)
{
    if (!_PyPort_AreOperandsSure && (!innermost || unsure == NULL)) {
        return;
    }
    int n = _PyPort_OperandsEnd(frame);
    for (int i = _PyPort_FirstOperand(frame); i < n; i++) {
        PyObject *op = _PyPort_FrameSlot(frame, i);
        if (op != NULL && _PyPort_AreOperandsSure) {
            note_operand(op, innermost, set);
        }
        else if (op != NULL) {
            (void)_Py_addrset_add(unsure, op);
        }
    }
}

static int
note_if_operand(PyObject *op, void *unsure)
{
    if (_Py_addrset_has(unsure, op)) {
        note_operand(op, 1, &_PyFinalize_stopped.called);
    }
    return 0;
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
    _Py_addrset unsure = {0};
    PyThreadState *ts = PyInterpreterState_ThreadHead(tstate->interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts != tstate) {
            _PyInterpreterFrame *frame = _PyPort_Frame(ts);
            for (; frame != NULL; frame = frame->previous) {
                note_frame(frame);
                note_called(frame, frame == _PyPort_Frame(ts),
                            &stopped->called, &unsure);
            }
            stopped->n++;
        }
    }
    if (_Py_IsMainInterpreter(tstate->interp)) {
        _PyGC_TakeBack(tstate);
    }
    if (unsure.used > 0) {
        (void)lists_visit(tstate->interp, note_if_operand, &unsure);
    }
    _Py_addrset_clear(&unsure);
}

void
_PyFinalize_ThreadsAreGone(PyThreadState *tstate)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(tstate->interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts != tstate) {
            _PyInterpreterFrame *frame = _PyPort_Frame(ts);
            for (; frame != NULL; frame = frame->previous) {
                note_called(frame, frame == _PyPort_Frame(ts), &gone_with,
                            NULL);
            }
        }
    }
}
