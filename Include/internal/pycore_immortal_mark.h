/* The walk that marks the immortal heap: what its two files share. */

#ifndef Py_INTERNAL_IMMORTAL_MARK_H
#define Py_INTERNAL_IMMORTAL_MARK_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_gc.h"            // PyGC_Head
#include "pycore_immortal.h"      // _Py_IsIncrefImmortal()
#include "pycore_object.h"        // _PyObject_GC_MAY_BE_TRACKED()

struct _Py_counter;

struct _Py_marker {
    PyObject **stack;       /* marked, or static; to be expanded; borrowed */
    Py_ssize_t size;
    Py_ssize_t allocated;
    PyObject *const *spared;    /* two objects that stay mortal, or NULL */
    int careful;            /* C code may be filling objects */
    int in_list_of_c;       /* what is met is in a list that only C has: 2, or
                               that perhaps only C has: 1 */
    PyGC_Head *young;       /* of the list, the first that no collection saw */
    int no_memory;
    Py_ssize_t marked;
    size_t *filled;         /* hashes computed; NULL to compute none */
    struct _Py_counter *counter;    /* or NULL */
};

/* Mark op, which is mortal, and see to it that it is expanded. */
extern void _PyMarker_MarkMortal(PyObject *op, struct _Py_marker *m);

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

/* Mark what type holds and type_traverse() leaves out; of a static type, for
   which it must not be called, everything. */
extern void _PyMarker_ExpandType(PyTypeObject *type, struct _Py_marker *m);

/* Mark op, which may be NULL. */
static inline void
_PyMarker_Mark(PyObject *op, struct _Py_marker *m)
{
    if (op != NULL && !_Py_IsIncrefImmortal(op)) {
        _PyMarker_MarkMortal(op, m);
    }
}

/* Compute the hash of op, which became immortal, before it is asked for: 1 if
   op is of a type that stores one, and it was not yet known. */
extern int _PyMarker_FillHash(PyObject *op);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_MARK_H */
