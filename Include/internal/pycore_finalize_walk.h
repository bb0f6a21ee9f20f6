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

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_WALK_H */
