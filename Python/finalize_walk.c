/* Finalization at shutdown: the walk that gives the order.

   Depth first, in post-order, from one root after the other: an object is
   recorded when all it refers to has been.

   The walk reads, but does not write: a forked process that exits would get
   a copy of every page that it writes to. */

#include "Python.h"
#include "pycore_finalize_walk.h"
#include "pycore_gc.h"            // _PyObject_GC_IS_TRACKED()
#include "pycore_object.h"        // _PyObject_IS_GC()

/* On the stack, the lowest bit says that what op refers to is done. */
#define DONE ((uintptr_t)1)

static void
push(struct _Py_finalize_walk *w, PyObject *op, uintptr_t flag)
{
    if (_Py_walk_stack_push(&w->stack, op, flag) < 0) {
        w->no_memory = 1;
    }
}

static inline int
is_watched(struct _Py_finalize_walk *w, PyObject *op)
{
    return w->watched.used > 0 && _Py_addrset_has(&w->watched, op);
}

int
_PyFinalize_VisitInWalk(PyObject *op, void *arg)
{
    struct _Py_finalize_walk *w = arg;
    if (op == w->attributes ||
        (Py_TYPE(op)->tp_finalize == NULL && !_PyObject_IS_GC(op) &&
         !is_watched(w, op)) ||
        _Py_addrset_has(&w->seen, op))
    {
        if (w->files_done && Py_TYPE(op)->tp_finalize != NULL &&
            _PyFinalize_IsPlainFile(op) &&
            _Py_addrset_add(&w->order->held, op) < 0)
        {
            w->no_memory = 1;
        }
        return 0;
    }
    push(w, op, 0);
    return 0;
}

int
_PyFinalize_IsDue(struct _Py_finalize_walk *w, PyObject *op)
{
    if (Py_TYPE(op)->tp_finalize == NULL) {
        return 0;
    }
    if (w->shared && (!_PyObject_IS_GC(op) || !_Py_addrset_has(&w->own, op))) {
        return 0;
    }
    return _PyFinalize_IsPending(op, w->finished);
}

/* Push what op refers to. */
static void
expand(PyObject *op, struct _Py_finalize_walk *w)
{
    PyTypeObject *type = Py_TYPE(op);
    int due = _PyFinalize_IsDue(w, op);
    PyObject *attributes = due ? _PyFinalize_FileAttributes(op) : NULL;
    if (attributes != NULL &&
        _Py_objlist_append(&w->later, attributes) < 0)
    {
        w->no_memory = 1;
    }
    if (due) {
        push(w, op, DONE);
        _PyFinalize_VisitNamed(w, op);
    }
    if (_PyFinalize_CanExpand(op)) {
        Py_ssize_t n = w->stack.size;
        w->attributes = attributes;
        type->tp_traverse(op, _PyFinalize_VisitInWalk, w);
        w->attributes = NULL;
        if (PyAnySet_Check(op) && w->stack.size - n > 1 &&
            _PyFinalize_SortMembers(w->interp, &w->places,
                                    w->stack.entries + n,
                                    w->stack.size - n) < 0)
        {
            w->no_memory = 1;
        }
    }
}

/* Walk from what is on the stack above its first n entries, one root after
   the other, the topmost first. */
static void
run(struct _Py_finalize_walk *w, Py_ssize_t n)
{
    while (w->stack.size > n && !w->no_memory) {
        uintptr_t entry = w->stack.entries[--w->stack.size];
        PyObject *op = (PyObject *)(entry & ~DONE);
        if (entry & DONE) {
            if (_Py_objlist_append(&w->order->objects, op) < 0) {
                w->no_memory = 1;
            }
            continue;
        }
        int added = _Py_addrset_add(&w->seen, op);
        if (added < 0) {
            w->no_memory = 1;
        }
        if (added > 0) {
            if (is_watched(w, op) &&
                _PyFinalize_RecordTurn(w->order, op, w->turn) < 0)
            {
                w->no_memory = 1;
            }
            expand(op, w);
        }
    }
}

void
_PyFinalize_RunRoots(struct _Py_finalize_walk *w)
{
    while (w->stack.size > 0 && !w->no_memory) {
        w->turn++;
        Py_ssize_t n = w->stack.size - 1;
        run(w, n);
        while (w->later.size > 0 && !w->no_memory) {
            PyObject *attributes = w->later.items[--w->later.size];
            _PyFinalize_VisitInWalk(attributes, w);
            Py_DECREF(attributes);      /* its file holds one */
            run(w, n);
        }
    }
}

void
_PyFinalize_RunRoot(struct _Py_finalize_walk *w, PyObject *op)
{
    _PyFinalize_VisitInWalk(op, w);
    _PyFinalize_RunRoots(w);
}

void
_PyFinalize_RunBelow(struct _Py_finalize_walk *w, PyObject *op)
{
    expand(op, w);
    run(w, 0);
}
