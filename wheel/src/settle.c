/* The extension: code goes by what its constants are by now.

   LOAD_CONST becomes LOAD_CONST_MORTAL or LOAD_CONST_IMMORTAL when it is first
   executed.  The first counts without looking, so that the count of a constant
   which has become immortal since would grow with each execution, and begin
   anew from zero in the end.  The patched interpreter looks.  Here the
   instruction is replaced, in all code there is: what the walk that marks does
   not come to may have a constant in common with what it does.

   Code cannot bring it back: the constant of an instruction that runs for the
   first time is looked at, and one that a tool has its hands on is the
   general form. */

#include "glue.h"
#include "pycore_addrset.h"       // _Py_addrset
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal_port.h" // _PyPort_VisitFrame()
#include "pycore_objlist.h"       // _Py_walk_stack
#include "pycore_object.h"        // _PyObject_GC_IS_TRACKED()

struct settling {
    _Py_addrset seen;
    _Py_walk_stack stack;       /* what no list has: code, tuples and more */
    struct _Py_seal_stats stats;
    int no_memory;
};

/* Code is not tracked, and so may be a tuple not be that holds some; the
   co_consts of other code is one.  Of other objects that are not tracked,
   those that were marked are whole, as a context variable is.  What only a
   type without tp_traverse holds is not found: numpy's arrays of objects. */
static int
visit(PyObject *op, void *arg)
{
    struct settling *s = arg;
    if (!PyCode_Check(op)) {
        if (!_PyObject_IS_GC(op) || _PyObject_GC_IS_TRACKED(op)) {
            return 0;
        }
        if (!PyTuple_CheckExact(op) && !_Py_IsImmortal(op)) {
            return 0;
        }
    }
    int added = _Py_addrset_add(&s->seen, op);
    if (added < 0 ||
        (added > 0 && _Py_walk_stack_push(&s->stack, op, 0) < 0))
    {
        s->no_memory = 1;
    }
    return s->no_memory;
}

static void
drain(struct settling *s)
{
    while (s->stack.size > 0 && !s->no_memory) {
        PyObject *op = (PyObject *)s->stack.entries[--s->stack.size];
        if (!PyCode_Check(op)) {
            (void)Py_TYPE(op)->tp_traverse(op, visit, s);
            continue;
        }
        _PyImmortalHeap_QuietOne(op, &s->stats);
        PyObject *held = ((PyCodeObject *)op)->co_consts;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(held); i++) {
            PyObject *item = PyTuple_GET_ITEM(held, i);
            if (item != NULL) {
                (void)visit(item, s);
            }
        }
    }
}

static int
visit_listed(PyObject *op, void *arg)
{
    struct settling *s = arg;
    (void)Py_TYPE(op)->tp_traverse(op, visit, s);
    drain(s);
    return s->no_memory;
}

static void
visit_held(PyObject *op, void *s)
{
    if (op != NULL) {
        (void)visit(op, s);
    }
}

static void
visit_frames(PyInterpreterState *interp, struct settling *s)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        _PyInterpreterFrame *frame = _PyPort_Frame(ts);
        for (; frame != NULL; frame = frame->previous) {
            _PyPort_VisitFrame(frame, visit_held, s);
            int n = _PyPort_FrameSlots(frame, 0);
            for (int i = 0; i < n; i++) {
                visit_held(_PyPort_FrameSlot(frame, i), s);
            }
        }
    }
    drain(s);
}

Py_ssize_t
glue_settle_code(PyInterpreterState *interp)
{
    struct settling s = {.no_memory = 0};
    visit_frames(interp, &s);
    (void)lists_visit(interp, visit_listed, &s);
    _Py_addrset_clear(&s.seen);
    PyMem_RawFree(s.stack.entries);
    if (s.no_memory) {
        PyErr_NoMemory();
        return -1;
    }
    return (Py_ssize_t)s.stats.quiet_code;
}
