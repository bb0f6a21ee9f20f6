/* What a collection does to the objects that survive it.

   This file is part of Python/gc.c and uses its macros and functions;
   move_unreachable() there calls visit_survivor() for each object that it
   finds to be reachable. */

#ifndef GC_SURVIVORS_H
#define GC_SURVIVORS_H

#include "gc_traverse.h"

/* What a collection finds out about the objects that it leaves in young.  It
 * is done while move_unreachable() has each of them at hand: where the heap is
 * larger than the processor's cache, it is the walks along the list that take
 * the time.
 */
struct survivors {
    int full;               // a full collection
    Py_ssize_t tracked;     // objects that stay in young
    Py_ssize_t untracked;   // tuples that were in young
};

/* True if op, an exact tuple, can be untracked: it is complete and holds
 * nothing that may be tracked.  Nothing in it needs a visit then.
 */
static inline int
tuple_is_atomic(PyObject *op)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(op); i++) {
        PyObject *item = PyTuple_GET_ITEM(op, i);
        if (item == NULL || _PyObject_GC_MAY_BE_TRACKED(item)) {
            return 0;
        }
    }
    return 1;
}

/* Traverse op, which is reachable; true if it can be untracked.  survivors is
 * NULL where nothing is to be done but that.
 */
static inline int
visit_survivor(PyObject *op, PyGC_Head *young, struct survivors *survivors)
{
    if (survivors != NULL) {
        if (PyTuple_CheckExact(op) && tuple_is_atomic(op)) {
            survivors->untracked++;
            return 1;
        }
        survivors->tracked++;
    }
    visit_referents(op, visit_reachable, young);
    return 0;
}

#endif   /* !GC_SURVIVORS_H */
