/* Attributes that are asked for and may be missing, without an exception.

   hasattr(), getattr() with a default, classes with __getattr__() and
   "from module import name" ask for attributes that often are not there.
   For ordinary objects, stock CPython has a way to ask that makes no
   exception; for classes, modules, empty slots and classes with __getattr__()
   it makes an AttributeError, with its message, and drops it at once. */

#ifndef Py_INTERNAL_MISSING_ATTR_H
#define Py_INTERNAL_MISSING_ATTR_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "structmember.h"         // T_OBJECT_EX

/* Like type.__getattribute__() and getattr(module, name).  A new reference,
   or NULL: without an exception if there is no such attribute, with one if
   something else went wrong, which may be an AttributeError that a descriptor
   or a module's __getattr__() raised. */
extern PyObject *_PyType_GetAttrOrNull(PyTypeObject *type, PyObject *name);
extern PyObject *_PyModule_GetAttrOrNull(PyObject *module, PyObject *name);

/* Is descr, found in the type of obj, a slot that is empty in obj?  If so, to
   get it raises AttributeError and does nothing else. */
static inline int
_PyDescr_IsEmptySlot(PyObject *descr, PyObject *obj)
{
    if (!Py_IS_TYPE(descr, &PyMemberDescr_Type)) {
        return 0;
    }
    PyMemberDef *member = ((PyMemberDescrObject *)descr)->d_member;
    return member->type == T_OBJECT_EX &&
           !(member->flags & PY_AUDIT_READ) &&
           PyObject_TypeCheck(obj, PyDescr_TYPE(descr)) &&
           *(PyObject **)((char *)obj + member->offset) == NULL;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_MISSING_ATTR_H */
