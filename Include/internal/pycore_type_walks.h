/* Walks over static types, and over what types declare. */

#ifndef Py_INTERNAL_TYPE_WALKS_H
#define Py_INTERNAL_TYPE_WALKS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "structmember.h"         // T_OBJECT

/* Call visit(type, arg) for each static type; they are on no list of the
   collector's.  Returns 0, or -1 for lack of memory (without an exception). */
extern int _PyStaticTypes_Visit(void (*visit)(PyTypeObject *, void *),
                                void *arg);

/* Call visit(slot, def, type, arg) for each object member (PyMemberDef) that
   the type of op, or a base of it, declares: slot is where in op it is. */
typedef void (*_PyMembers_visitor)(PyObject **slot, PyMemberDef *def,
                                   PyTypeObject *type, void *arg);

static inline Py_ALWAYS_INLINE void
_PyMembers_Visit(PyObject *op, _PyMembers_visitor visit, void *arg)
{
    for (PyTypeObject *type = Py_TYPE(op); type; type = type->tp_base) {
        PyMemberDef *def = type->tp_members;
        for (; def != NULL && def->name != NULL; def++) {
            if (def->type == T_OBJECT || def->type == T_OBJECT_EX) {
                visit((PyObject **)((char *)op + def->offset), def, type, arg);
            }
        }
    }
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_TYPE_WALKS_H */
