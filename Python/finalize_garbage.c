/* Finalization at shutdown: weak references to garbage.

   What is unreachable when shutdown begins is finalized with all the rest, in
   its place in the order.  But nobody may come to it by a weak reference any
   more: those are cleared and called back first, as by the collection that an
   unpatched interpreter begins shutdown with.

   That collection cannot be had: it would finalize in the order of its lists,
   where a raw file may precede the buffered file that writes to it, and it
   leaves survivors in an order that depends on addresses.  So only its first
   half is done, with a walk that moves nothing that is alive. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // list_merge()
#include "pycore_immortal_heap.h" // _PyGC_CountExternal()
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_pystate.h"

struct walk {
    _Py_walk_stack stack;
    int no_memory;
};

static inline int
is_undecided(PyGC_Head *gc)
{
    return (gc->_gc_prev & _PyGC_PREV_MASK_COLLECTING) != 0;
}

/* gc is alive, and so is what it refers to. */
static void
keep(PyGC_Head *gc, struct walk *w)
{
    gc->_gc_prev &= ~_PyGC_PREV_MASK_COLLECTING;
    if (_Py_walk_stack_push(&w->stack, (PyObject *)(gc + 1), 0) < 0) {
        w->no_memory = 1;
    }
}

static int
visit(PyObject *op, void *arg)
{
    if (_PyObject_IS_GC(op) && is_undecided(_Py_AS_GC(op))) {
        keep(_Py_AS_GC(op), arg);
    }
    return 0;
}

static void
keep_closure(PyGC_Head *gc, struct walk *w)
{
    keep(gc, w);
    while (w->stack.size > 0 && !w->no_memory) {
        PyObject *op = (PyObject *)w->stack.entries[--w->stack.size];
        Py_TYPE(op)->tp_traverse(op, visit, w);
    }
}

/* Make one list of the generations, the oldest objects first. */
static PyGC_Head *
merge_generations(PyInterpreterState *interp)
{
    PyGC_Head *all = &generation_of(interp, NUM_GENERATIONS - 1)->head;
    for (int i = NUM_GENERATIONS - 2; i >= 0; i--) {
        list_merge(&generation_of(interp, i)->head, all);
        generation_of(interp, i)->count = 0;
    }
    return all;
}

/* Visits of a list, of which the references from outside were counted, to find
   what is alive.  The rest keeps PREV_MASK_COLLECTING. */
static int
keep_if_alive(PyObject *op, void *w)
{
    PyGC_Head *gc = _Py_AS_GC(op);
    if (is_undecided(gc) && gc->_gc_prev >> _PyGC_PREV_SHIFT) {
        keep_closure(gc, w);
    }
    return 0;
}

/* As in a collection: what has a tp_del is never deleted, nor is what it
   refers to. */
static int
keep_if_undeletable(PyObject *op, void *w)
{
    if (is_undecided(_Py_AS_GC(op)) && Py_TYPE(op)->tp_del != NULL) {
        keep_closure(_Py_AS_GC(op), w);
    }
    return 0;
}

static int
clear_flag(PyObject *op, void *arg)
{
    _Py_AS_GC(op)->_gc_prev &= ~_PyGC_PREV_MASK_COLLECTING;
    return 0;
}

/* Restore every _gc_prev, and move what was not found alive to garbage, unless
   that is NULL. */
static void
split(PyGC_Head *list, PyGC_Head *garbage)
{
    PyGC_Head *last = list, *next;
    for (PyGC_Head *gc = _PyGCHead_NEXT(list); gc != list; gc = next) {
        next = _PyGCHead_NEXT(gc);
        if (is_undecided(gc) && garbage != NULL) {
            list_append(gc, garbage);    /* leaves the flag as it is */
            continue;
        }
        gc->_gc_prev &= ~_PyGC_PREV_MASK_COLLECTING;
        _PyGCHead_SET_PREV(gc, last);
        _PyGCHead_SET_NEXT(last, gc);
        last = gc;
    }
    _PyGCHead_SET_NEXT(last, list);
    _PyGCHead_SET_PREV(list, last);
}

int
_PyFinalize_FindGarbage(PyInterpreterState *interp, PyObject **dicts,
                        Py_ssize_t n)
{
    struct walk w = {0};
    if (interp->gc.collecting) {
        return -1;
    }
    PyGC_Head *all = merge_generations(interp);
    _PyGC_CountExternal(all);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyGC_Head *gc = _Py_AS_GC(dicts[i]);
        if (_PyObject_GC_IS_TRACKED(dicts[i]) && is_undecided(gc)) {
            gc->_gc_prev -= (uintptr_t)1 << _PyGC_PREV_SHIFT;
        }
    }
    (void)list_visit(all, keep_if_alive, &w);
    for (Py_ssize_t i = 0; i < n && !w.no_memory; i++) {
        if (_PyObject_GC_IS_TRACKED(dicts[i]) &&
            is_undecided(_Py_AS_GC(dicts[i])))
        {
            dicts[i] = NULL;
        }
    }
    split(all, NULL);
    PyMem_RawFree(w.stack.entries);
    return w.no_memory ? -1 : 0;
}

/* A file may find what is below it by a weak reference, as gzip's does, and
   need it in order to be closed.  Where nobody but garbage has that reference,
   there is no one to hide the file from. */
static int
keep_weakrefs_of_file(PyObject *op, void *Py_UNUSED(arg))
{
    if (!_PyFinalize_IsFile(op) || !PyType_SUPPORTS_WEAKREFS(Py_TYPE(op))) {
        return 0;
    }
    PyWeakReference *first =
        *(PyWeakReference **)_PyObject_GET_WEAKREFS_LISTPTR(op);
    for (PyWeakReference *wr = first; wr != NULL; wr = wr->wr_next) {
        if (wr->wr_callback != NULL ||
            !is_undecided(_Py_AS_GC((PyObject *)wr)))
        {
            return 0;
        }
    }
    for (PyWeakReference *wr = first; wr != NULL; wr = wr->wr_next) {
        (void)clear_flag((PyObject *)wr, NULL);
    }
    return clear_flag(op, NULL);
}

/* Move what is not marked any more from garbage to all. */
static void
take_unmarked(PyGC_Head *garbage, PyGC_Head *all)
{
    PyGC_Head *next;
    for (PyGC_Head *gc = _PyGCHead_NEXT(garbage); gc != garbage; gc = next) {
        next = _PyGCHead_NEXT(gc);
        if (!is_undecided(gc)) {
            list_remove(gc);
            list_append(gc, all);
        }
    }
}

void
_PyFinalize_CallBackGarbage(PyThreadState *tstate)
{
    PyInterpreterState *interp = tstate->interp;
    if (interp->gc.collecting) {
        return;
    }
    interp->gc.collecting = 1;
    PyGC_Head garbage;
    list_init(&garbage);
    PyGC_Head *all = merge_generations(interp);
    /* One allocation that fails is no reason not to call back. */
    enum { ATTEMPTS = 3 };
    int done = 0;
    for (int i = 0; i < ATTEMPTS && !done; i++) {
        struct walk w = {0};
        _PyGC_CountExternal(all);
        (void)list_visit(all, keep_if_alive, &w);
        (void)list_visit(all, keep_if_undeletable, &w);
        done = !w.no_memory;
        split(all, done ? &garbage : NULL);
        PyMem_RawFree(w.stack.entries);
    }
    (void)list_visit(&garbage, keep_weakrefs_of_file, NULL);
    take_unmarked(&garbage, all);
    _PyGC_HandleWeakrefs(tstate, &garbage, all);
    (void)list_visit(&garbage, clear_flag, NULL);
    list_merge(&garbage, all);
    interp->gc.collecting = 0;
}
