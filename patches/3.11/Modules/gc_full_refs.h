/* Counts and references of a full collection, in one walk.

   This is part of Modules/gcmodule.c and uses its macros and functions. */

#ifndef GC_FULL_REFS_H
#define GC_FULL_REFS_H

#include "gc_traverse.h"

/* What is immortal is on a list of its own, if there is an immortal heap: who
 * includes this has included its header before. */
static inline int
is_passed_by(PyObject *op)
{
#ifdef Py_INTERNAL_IMMORTAL_HEAP_H
    return _Py_IsImmortal(op);
#else
    return 0;
#endif
}

static inline void
pass_by(PyGC_Head *gc)
{
#ifdef Py_INTERNAL_IMMORTAL_HEAP_H
    _PyImmortalHeap_Adopt(gc);
#endif
}

/* A full collection does what update_refs() and subtract_refs() do in one
 * walk: an object gets its gc_refs when the first reference to it is met, or
 * when the walk comes to it.  For that, each object that is tracked and mortal
 * has to be in the generation being collected.  It need not be if
 * - gc.freeze() was called, and objects in the permanent generation may be
 *   mortal (permanent_generation.count);
 * - there are other interpreters, or the objects of one that has ended.
 */
static int lists_outlived_interpreter = 0;

static int
collects_all_mortal(GCState *gcstate)
{
    return gcstate->permanent_generation.count == 0 &&
        !lists_outlived_interpreter &&
        PyInterpreterState_Next(PyInterpreterState_Head()) == NULL;
}

#ifdef GC_DEBUG
static Py_ssize_t num_met = 0;
#endif

static inline void
meet(PyGC_Head *gc, PyObject *op)
{
    gc_reset_refs(gc, Py_REFCNT(op));
    _PyObject_ASSERT(op, gc_get_refs(gc) != 0);     // as in update_refs()
#ifdef GC_DEBUG
    num_met++;
#endif
}

/* A traversal callback for meet_and_subtract_refs. */
static int
visit_meet_and_decref(PyObject *op, void *parent)
{
    _PyObject_ASSERT(_PyObject_CAST(parent), !_PyObject_IsFreed(op));

    if (_PyObject_IS_GC(op)) {
        PyGC_Head *gc = AS_GC(op);
        if (!gc_is_collecting(gc)) {
            if (gc->_gc_next == 0 || is_passed_by(op)) {
                return 0;
            }
            meet(gc, op);
        }
        gc_decref(gc);
    }
    return 0;
}

static void
meet_and_subtract_refs(PyGC_Head *containers)
{
    PyGC_Head *next, *prev = containers;
    PyGC_Head *gc = GC_NEXT(containers);
    for (; gc != containers; gc = next) {
        PyObject *op = FROM_GC(gc);
        next = GC_NEXT(gc);
        if (is_passed_by(op)) {
            /* As in update_refs(); but what follows may have gc_refs already
               instead of a pointer to this. */
            _PyGCHead_SET_NEXT(prev, next);
            pass_by(gc);
            continue;
        }
        if (!gc_is_collecting(gc)) {
            meet(gc, op);
        }
        visit_referents(op, visit_meet_and_decref, op);
        prev = gc;
    }
    containers->_gc_prev = (uintptr_t)prev;
#ifdef GC_DEBUG
    /* None but those of this list were met. */
    assert(num_met == gc_list_size(containers));
    num_met = 0;
#endif
}

#endif   /* !GC_FULL_REFS_H */
