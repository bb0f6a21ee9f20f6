/* Making the heap immortal: what only the files of that share. */

#ifndef Py_INTERNAL_IMMORTAL_MARK_H
#define Py_INTERNAL_IMMORTAL_MARK_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_gc.h"            // PyGC_Head
#include "pycore_hashtable.h"     // _Py_hashtable_t
#include "pycore_immortal.h"      // _Py_IsIncrefImmortal()
#include "pycore_immortal_heap.h" // struct _Py_leaf_hook
#include "pycore_immortal_port.h" // _PyInterpreterFrame
#include "pycore_object.h"        // _PyObject_GC_MAY_BE_TRACKED()

struct _Py_counter;

/* A call that makes the heap immortal. */
struct _Py_marking {
    PyInterpreterState *interp;
    PyObject *const *spared;    /* two objects, or NULL, to be left mortal and
                                   passed by */
    PyObject *root;             /* an object whose referents are alive; NULL at
                                   start-up, when nobody asks how many there
                                   were */
    int alive_only;             /* find out what is alive; otherwise, take it
                                   that all is */
    const struct _Py_leaf_hook *hook;   /* or NULL; not used unless
                                           alive_only */
    struct _Py_counter *counter;        /* counts the references to what has to
                                           be deallocated at exit; or NULL */
};

/* Make all that is alive immortal, and move it to the list of what is.

   Returns 0, or -1 with MemoryError set. */
extern int _PyImmortalHeap_Make(const struct _Py_marking *call,
                                struct _Py_immortal_heap_stats *stats);

/* Find __main__ and its dictionary, or NULL for what there is not.  Borrowed
   references, without an exception. */
extern void _PyImmortalHeap_FindMain(PyInterpreterState *interp,
                                     PyObject *spared[2]);

/* The collector's objects in such a call. */
struct _Py_marking_lists {
    PyGC_Head *all;         /* all that are not immortal or frozen */
    PyGC_Head *young;       /* of these, the first that no collection has seen;
                               or NULL */
    PyGC_Head *kept;        /* where to move what stays mortal; if alive_only,
                               it stays where it is */
};

/* Mark what is on lists->all, on the permanent generation's list and on that
   of immortals, in running frames and in static types, and all they hold,
   transitively; but for what C code may be filling, and what only that holds.
   Of the permanent generation, it moves to the list of immortals.

   If alive_only, mark only what is referred to from outside of lists->all, and
   what that holds: _PyGC_CountExternal(lists->all) was called.
   PREV_MASK_COLLECTING is cleared for these.

   Returns the number of objects that became immortal, or -1 for lack of
   memory (without an exception): then some on the list of immortals may be
   mortal. */
extern Py_ssize_t _PyImmortalHeap_Mark(const struct _Py_marking *call,
                                       const struct _Py_marking_lists *lists);

struct _Py_marker {
    PyObject **stack;       /* marked, or static; to be expanded; borrowed */
    Py_ssize_t size;
    Py_ssize_t allocated;
    PyObject *const *spared;    /* two objects that stay mortal, or NULL */
    int careful;            /* C code may be filling objects */
    int in_list_of_c;       /* what is met is in a list that only C has: 2, or
                               that perhaps only C has: 1 */
    PyGC_Head *young;       /* of the list, the first that no collection saw */
    int has_datetime;       /* _PyDatetime_Find() */
    int no_memory;
    int again;              /* an earlier walk did not come to its end: what is
                               immortal may hold what is not */
    _Py_hashtable_t *seen;  /* if again: expanded, and untracked; or NULL */
    Py_ssize_t marked;
    const struct _Py_leaf_hook *hook;   /* or NULL */
    struct _Py_counter *counter;    /* or NULL */
};

/* Mark op, and see to it that it is expanded, unless that was done. */
extern void _PyMarker_MarkNew(PyObject *op, struct _Py_marker *m);

/* Is op immortal, or going to be by the end of the walk?  marker is a struct
   _Py_marker. */
extern int _PyMarker_IsMarked(PyObject *op, void *marker);

/* As above, for a reference that will not be counted any more: op stays
   immortal even if the walk does not come to its end. */
extern int _PyMarker_IsMarkedForGood(PyObject *op, void *marker);

/* Mark what op holds a reference to.

   tracked -- The collector tracks op.  If it does not, op may be half made,
              and its tp_traverse must not be called; but tuples,
              dictionaries and context variables are untracked when it does
              not pay. */
extern void _PyMarker_Expand(PyObject *op, struct _Py_marker *m, int tracked);

/* Is op a tuple that a collection would untrack?  As tuple_is_atomic() of
   Modules/gc_survivors.h: who looks at what is tracked finds as few tuples as
   without an immortal heap. */
static inline int
_PyMarker_IsAtomicTuple(PyObject *op)
{
    if (!PyTuple_CheckExact(op)) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(op); i++) {
        PyObject *item = PyTuple_GET_ITEM(op, i);
        if (item == NULL || _PyObject_GC_MAY_BE_TRACKED(item)) {
            return 0;
        }
    }
    return 1;
}

/* Mark what a frame holds.

   muted -- its references are met another time; they are not to be counted. */
extern void _PyMarker_MarkFrame(_PyInterpreterFrame *frame, int muted,
                                struct _Py_marker *m);

/* Mark what is on no list of the collector's: what static types, frames that
   run and the interpreter itself hold; and what root does, unless it is
   NULL. */
extern void _PyMarker_MarkRoots(PyInterpreterState *interp, PyObject *root,
                                struct _Py_marker *m);

/* Mark op, which may be NULL. */
static inline void
_PyMarker_Mark(PyObject *op, struct _Py_marker *m)
{
    if (op != NULL && (!_Py_IsIncrefImmortal(op) || m->again)) {
        _PyMarker_MarkNew(op, m);
    }
}

/* The same, for who calls back. */
static inline void
_PyMarker_Visit(PyObject *op, void *marker)
{
    _PyMarker_Mark(op, marker);
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_MARK_H */
