/* The immortal heap: what only it owns.

   An immortal object is never deallocated; one whose deallocator does more
   than give memory back has to be, at exit.  Its count does not tell any more
   who holds it.  So while objects become immortal, the references to such
   ones are counted.  If they are as many as its count says, nothing but the
   heap owns it: in an unpatched interpreter it would go with what holds it.
   Others (a value that a library keeps in a static variable) are left alone
   for good. */

#ifndef Py_INTERNAL_IMMORTAL_OWNED_H
#define Py_INTERNAL_IMMORTAL_OWNED_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_deallocators.h"  // _Py_deallocators
#include "pycore_gc.h"            // PyGC_Head

/* References to one object that were found. */
struct _Py_counted {
    PyObject *object;       /* borrowed */
    Py_ssize_t refcnt;      /* when it became immortal; 0 before */
    int insisted;           /* _PyCounter_Insist() */
    Py_ssize_t references;  /* but for those of the last holder */
    PyObject *holder;       /* the last one; borrowed */
    Py_ssize_t shown;       /* its references: by its tp_traverse, */
    Py_ssize_t declared;    /* and by its type's members, which may be the
                               same */
    int of_type;            /* it is a type's namespace */
};

/* While the heap is made immortal.  To begin with, all zeros. */
struct _Py_counter {
    _Py_deallocators deallocators;
    _Py_hashtable_t *places;        /* of objects, from 1 on */
    struct _Py_counted *items;
    Py_ssize_t n;
    Py_ssize_t allocated;
    PyObject *holder;       /* whose references come next, NULL for those of
                               frames and of the interpreter; borrowed */
    PyObject *skip;         /* whose references were counted; borrowed */
    int declared;           /* do they come from its type's members? */
    int muted;              /* they are met another time; do not count now */
};

/* Are the references to op, which is mortal, to be counted?  Then op stays
   mortal until _PyCounter_MakeImmortal(). */
extern int _PyCounter_Wants(struct _Py_counter *counter, PyObject *op);

/* Add op.  Returns 1; 0 if it was there; or, without an exception,
   _Py_COUNTER_FULL if its type has too many instances: then op can become
   immortal at once; or _Py_COUNTER_NO_MEMORY. */
#define _Py_COUNTER_FULL (-1)
#define _Py_COUNTER_NO_MEMORY (-2)
extern int _PyCounter_Add(struct _Py_counter *counter, PyObject *op);

/* Add op if it is not there, and count a reference.  Returns as above. */
extern int _PyCounter_Count(struct _Py_counter *counter, PyObject *op);

extern int _PyCounter_Has(struct _Py_counter *counter, PyObject *op);

/* Is op there?  Then it becomes immortal, whatever happens. */
extern int _PyCounter_Insist(struct _Py_counter *counter, PyObject *op);

/* Make room for what _PyCounter_KeepOwned() will keep in mind.  Returns 0, or
   -1 for lack of memory (without an exception). */
extern int _PyCounter_Reserve(struct _Py_counter *counter);

/* Make immortal all that was added; if the walk did not come to its end, what
   has to be. */
extern void _PyCounter_MakeImmortal(struct _Py_counter *counter,
                                    int unfinished);

/* Count the references of what is mortal and on list, but for skip, which were
   counted. */
extern void _PyCounter_CountList(struct _Py_counter *counter, PyGC_Head *list,
                                 PyObject *skip);

/* Keep in mind what is owned by the heap only, in this process, and what is
   not.  _PyCounter_Reserve() was called. */
extern void _PyCounter_KeepOwned(struct _Py_counter *counter);
extern void _PyCounter_Clear(struct _Py_counter *counter);

/* What is kept in mind, oldest first; nothing in a process that was forked
   since: what it got from its parent is the parent's to write.  Borrowed,
   valid until _PyCounter_KeepOwned() or _PyImmortalHeap_ForgetOwned().

   Returns how many there are. */
extern Py_ssize_t _PyImmortalHeap_Owned(PyObject *const **objects);

/* As above: such objects that something else holds as well, C code for one. */
extern Py_ssize_t _PyImmortalHeap_Shared(PyObject *const **objects);

/* Forget all of it; or all but these n of what is owned, oldest first. */
extern void _PyImmortalHeap_ForgetOwned(void);
extern void _PyImmortalHeap_ForgetOwnedBut(PyObject *const *objects,
                                           Py_ssize_t n);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_OWNED_H */
