/* Finalization at shutdown: the walk that gives the order.

   Where it begins, and in which turn, is finalize_order.c's. */

#ifndef Py_INTERNAL_FINALIZE_WALK_H
#define Py_INTERNAL_FINALIZE_WALK_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_finalize_steps.h"

/* What code of finalizers names, as far as it was asked for; all zero at
   first.  Nothing is kept for longer than a walk. */
typedef struct {
    const _Py_finalize_modules *modules;
    const _Py_finalize_found *found;
    int started;
    PyObject *del;              /* "__del__", with a hash; owned */
    _Py_addrset borders;        /* modules and their dictionaries */
    _Py_addrset stdlib;         /* dictionaries of the standard library's */
    _Py_addrset held;           /* what a suspended generator has */
    struct _Py_finalize_holder *holders;    /* and which, sorted by address */
    Py_ssize_t n_holders;
    Py_ssize_t holders_allocated;
    struct _Py_finalize_named *table;       /* by whose code it is */
    size_t mask;
    size_t used;
    PyObject **values;          /* borrowed; each entry has some of them */
    Py_ssize_t n_values;
    Py_ssize_t values_allocated;
    _Py_addrset circles;        /* a table of numbers (finalize_circles.c) */
    uint32_t n_numbered;
    uint32_t n_circles;
} _Py_finalize_names;

struct _Py_finalize_walk {
    PyInterpreterState *interp;
    _Py_walk_stack stack;
    int files_done;
    PyObject *attributes;       /* not to be followed just now */
    _Py_objlist later;          /* attributes, to be followed after the root */
    _Py_addrset seen;
    int shared;                 /* are there other interpreters? */
    _Py_addrset own;            /* if so: pending, on a list of this one */
    _Py_addrset *finished;
    _Py_addrset watched;        /* weak references, and what they refer to */
    _Py_finalize_places places;
    _Py_finalize_names names;
    Py_ssize_t turn;
    _Py_finalize_order *order;
    int no_memory;
};

/* Come to op: it is on the stack then, unless the walk has been there. */
extern int _PyFinalize_VisitInWalk(PyObject *op, void *walk);

/* Walk from each of what is on the stack, the topmost first; each is a turn
   of its own. */
extern void _PyFinalize_RunRoots(struct _Py_finalize_walk *w);

/* Walk from op, in a turn of its own. */
extern void _PyFinalize_RunRoot(struct _Py_finalize_walk *w, PyObject *op);

/* Come to what op refers to, in the turn before the next, whether or not the
   walk has been at op. */
extern void _PyFinalize_RunBelow(struct _Py_finalize_walk *w, PyObject *op);

/* Is op to be finalized?  Interpreters share objects, through static types and
   C modules: what the walk meets may be another's to finalize. */
extern int _PyFinalize_IsDue(struct _Py_finalize_walk *w, PyObject *op);

/* Come to what the code of the finalizer of op names, which is due: as if op
   referred to it, but where that would close a circle. */
extern void _PyFinalize_VisitNamed(struct _Py_finalize_walk *w, PyObject *op);

extern void _PyFinalize_FreeNames(_Py_finalize_names *names);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_WALK_H */
