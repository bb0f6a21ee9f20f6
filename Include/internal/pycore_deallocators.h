/* Deallocators: which do something that could be noticed.

   A stream of a C++ library flushes when it is destroyed; a database
   connection folds up its log.  Most deallocators only give memory back. */

#ifndef Py_INTERNAL_DEALLOCATORS_H
#define Py_INTERNAL_DEALLOCATORS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_hashtable.h"     // _Py_hashtable_t

/* From now on there may be objects that do something in their deallocators
   which could be noticed: an extension module's object file was loaded, or a
   module of the application's is built in, or one of the few such objects of
   the interpreter's own was made. */
extern void _PyDeallocators_Note(void);
extern int _PyDeallocators_Work(void);

/* A table by address, in memory of its own; NULL for lack of memory (without
   an exception).  To be freed by _Py_hashtable_destroy(). */
extern _Py_hashtable_t *_PyDeallocators_NewTable(void);

/* What is known of types, so that each is looked at once.  To begin with, all
   zeros. */
typedef struct {
    _Py_hashtable_t *types;     /* 1: gives memory back; more: may do more, and
                                   one for each instance that was counted */
    _Py_hashtable_t *libraries; /* by type, and by destructor of capsules */
    PyTypeObject *last;         /* the last of the first kind; borrowed */
} _Py_deallocators;

/* May the deallocator of op do more than give memory back?  It may if it, or
   one that it builds on, is not the interpreter's own code; that of a capsule
   if it has a destructor; that of a type or a module never. */
extern int _PyDeallocators_DoMore(_Py_deallocators *d, PyObject *op);

/* Where the code is loaded that deallocates op, for which DoMore() is true: an
   address that all of one object file have in common. */
extern const void *_PyDeallocators_Library(_Py_deallocators *d, PyObject *op);

/* Count an instance of type, for which DoMore() was true.  Returns 1; 0 once
   there are more than max: from then on, DoMore() is not true any more. */
extern int _PyDeallocators_CountInstance(_Py_deallocators *d,
                                         PyTypeObject *type, uintptr_t max);
extern void _PyDeallocators_Clear(_Py_deallocators *d);

/* Is the part of name before its first dot the name of a module of the
   standard library? */
extern int _PyDeallocators_IsStdlibName(const char *name);

/* Is type, or a base of it, implemented outside of the interpreter? */
extern int _PyDeallocators_IsForeign(PyTypeObject *type);

/* The same, and outside of the standard library, whose extension modules are
   foreign, too. */
extern int _PyDeallocators_IsOthers(PyTypeObject *type);

/* Is function the interpreter's own code?  Extension modules of the standard
   library are not, where they are object files of their own. */
extern int _PyDeallocators_IsOwnCode(destructor function);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_DEALLOCATORS_H */
