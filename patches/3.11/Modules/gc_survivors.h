/* What a collection does to the objects that survive it.

   This file is part of Modules/gcmodule.c and uses its macros and functions;
   move_unreachable() there calls visit_survivor() for each object that it
   finds to be reachable. */

#include "gc_traverse.h"

/* What a collection does to the objects that it leaves in young, and finds out
 * about them.  It is done while move_unreachable() has each of them at hand:
 * where the heap is larger than the processor's cache, it is the walks along
 * the list that take the time.
 */
#define UNDECIDED_DICTS 256
struct survivors {
    int full;               // full collection: untrack dicts as well as tuples
    Py_ssize_t tracked;     // objects that stay in young
    /* Dicts to untrack if the tuples in them are; of more than there is room
     * for, only the number is known. */
    Py_ssize_t num_undecided;
    PyObject *undecided[UNDECIDED_DICTS];
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

/* What a dict holds. */
struct dict_contents {
    PyGC_Head *young;
    int tuples;             // tuples that are tracked
    int others;             // anything else that may be tracked
};

/* A traversal callback for visit_dict: visit_reachable, and the question of
 * _PyDict_MaybeUntrack().
 */
static int
visit_in_dict(PyObject *op, struct dict_contents *contents)
{
    if (!_PyObject_IS_GC(op)) {
        return 0;
    }
    if (!PyTuple_CheckExact(op)) {
        contents->others = 1;
    }
    else if (_PyObject_GC_IS_TRACKED(op)) {
        contents->tuples = 1;
    }
    return visit_reachable(op, contents->young);
}

/* Traverse op, an exact dict; true if it can be untracked.  A tuple in it may
 * be untracked yet in this collection, so what depends on that is left to
 * untrack_dicts().
 */
static int
visit_dict(PyObject *op, PyGC_Head *young, struct survivors *survivors)
{
    struct dict_contents contents = {young, 0, 0};
    (void) PyDict_Type.tp_traverse(op, (visitproc)visit_in_dict, &contents);
    if (contents.tuples && !contents.others) {
        if (survivors->num_undecided < UNDECIDED_DICTS) {
            survivors->undecided[survivors->num_undecided] = op;
        }
        survivors->num_undecided++;
    }
    return !contents.tuples && !contents.others;
}

/* Traverse op, which is reachable; true if it can be untracked.  survivors is
 * NULL where nothing is to be done but that.
 */
static inline int
visit_survivor(PyObject *op, PyGC_Head *young, struct survivors *survivors)
{
    if (survivors != NULL) {
        if (PyTuple_CheckExact(op)) {
            if (tuple_is_atomic(op)) {
                return 1;
            }
        }
        else if (survivors->full && PyDict_CheckExact(op)) {
            int atomic = visit_dict(op, young, survivors);
            survivors->tracked += !atomic;
            return atomic;
        }
        survivors->tracked++;
    }
    visit_referents(op, (visitproc)visit_reachable, young);
    return 0;
}

static inline void
untrack_dict(PyObject *op, struct survivors *survivors)
{
    _PyDict_MaybeUntrack(op);
    survivors->tracked -= !_PyObject_GC_IS_TRACKED(op);
}

/* Untrack the dicts that visit_dict() could not decide about, now that every
 * tuple has had its turn.
 */
static void
untrack_dicts(PyGC_Head *young, struct survivors *survivors)
{
    if (survivors->num_undecided <= UNDECIDED_DICTS) {
        for (Py_ssize_t i = 0; i < survivors->num_undecided; i++) {
            untrack_dict(survivors->undecided[i], survivors);
        }
        return;
    }
    PyGC_Head *next, *gc = GC_NEXT(young);
    for (; gc != young; gc = next) {
        PyObject *op = FROM_GC(gc);
        next = GC_NEXT(gc);
        if (PyDict_CheckExact(op)) {
            untrack_dict(op, survivors);
        }
    }
}
