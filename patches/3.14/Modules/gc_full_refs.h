/* Counts and references of a full collection, in one walk.

   This file is part of Python/gc.c and uses its macros and functions. */

#ifndef GC_FULL_REFS_H
#define GC_FULL_REFS_H

#include "gc_traverse.h"

/* A full collection does what update_refs() and subtract_refs() do in one
 * walk: an object gets its gc_refs when the first reference to it is met, or
 * when the walk comes to it.  For that, each object that is tracked and mortal
 * has to be in the generation being collected.  It need not be if
 * - gc.freeze() was called, and the permanent generation holds anything;
 * - there are other interpreters, or the objects of one that has ended.
 */
static int lists_elsewhere = 0;

static inline void
set_lists_elsewhere(void)
{
    _Py_atomic_store_int_relaxed(&lists_elsewhere, 1);
}

static int
collects_all_mortal(GCState *gcstate)
{
    return gc_list_is_empty(&gcstate->permanent_generation.head) &&
        !_Py_atomic_load_int_relaxed(&lists_elsewhere);
}

/* Take gc, which is immortal, out of collections, as update_refs() does.  Its
 * neighbours' links are the caller's. */
static inline void
pass_by(PyGC_Head *gc)
{
#ifdef Py_INTERNAL_IMMORTAL_HEAP_H
    /* There is no interpreter but the main one. */
    _PyImmortalHeap_Adopt(gc);
#else
    gc->_gc_next = 0;
    gc->_gc_prev &= _PyGC_PREV_MASK_FINALIZED;
    get_gc_state()->heap_size--;
#endif
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
    OBJECT_STAT_INC(object_visits);
    _PyObject_ASSERT(_PyObject_CAST(parent), !_PyObject_IsFreed(op));

    if (_PyObject_IS_GC(op)) {
        PyGC_Head *gc = AS_GC(op);
        if (!gc_is_collecting(gc)) {
            /* The trashcan uses the link of what has no references left. */
            if (gc->_gc_next == 0 || _Py_IsImmortal(op) ||
                Py_REFCNT(op) == 0)
            {
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
        if (_Py_IsImmortal(op)) {
            /* What follows may have gc_refs already instead of a pointer to
               this. */
            assert(!_Py_IsStaticImmortal(op));
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
