/* Finalization at shutdown: what the code of finalizers names.

   What only the files share that look it up: finalize_names.c,
   finalize_named.c and finalize_circles.c. */

#ifndef Py_INTERNAL_FINALIZE_NAMES_H
#define Py_INTERNAL_FINALIZE_NAMES_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_finalize_walk.h"

/* Whose code, and which values it names.  Of a generator's code, type is that
   of its first argument, or NULL. */
struct _Py_finalize_named {
    PyTypeObject *type;
    PyObject *code;         /* NULL: the __del__ of type */
    PyObject *globals;
    Py_ssize_t first;       /* -1: not looked up yet */
    Py_ssize_t n;
};

/* A suspended generator, and what it has in a variable of its own. */
typedef struct _Py_finalize_holder {
    PyObject *object;
    PyObject *generator;
    Py_ssize_t turn;
} _Py_finalize_holder;

/* To be called before all others.  Returns 0, or -1 for lack of memory. */
extern int _PyFinalize_StartNames(struct _Py_finalize_walk *w);

/* The entry for the code of the finalizer of op; it stays there until the next
   call.  NULL if there is no such code, and for lack of memory. */
extern struct _Py_finalize_named *_PyFinalize_NamedEntry(
    struct _Py_finalize_walk *w, PyObject *op);

/* Which generators have op; *n says how many there are. */
extern const _Py_finalize_holder *_PyFinalize_FindHolders(
    _Py_finalize_names *names, PyObject *op, Py_ssize_t *n);

/* What the code of the finalizer of op names: *values is borrowed until the
   next call.  Returns how many there are; 0 for lack of memory, too. */
extern Py_ssize_t _PyFinalize_Named(struct _Py_finalize_walk *w, PyObject *op,
                                    PyObject *const **values);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_NAMES_H */
