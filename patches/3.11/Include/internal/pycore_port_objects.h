/* The port: what objects hold, and what is known of them.

   A part of pycore_immortal_port.h, which includes it. */

#ifndef Py_INTERNAL_PORT_OBJECTS_H
#define Py_INTERNAL_PORT_OBJECTS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_code.h"
#include "pycore_dict.h"          // DK_ENTRIES()
#include "pycore_function.h"      // _PyFunction_GetVersionForCurrentState()
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyType_HasFeature()

/* Called for what an object holds, which may be NULL. */
typedef void (*_PyPort_visitor)(PyObject *, void *);

/* --- Dictionaries ------------------------------------------------------- */

/* What dict has under the key name, borrowed; or NULL, perhaps with an
   exception. */
static inline PyObject *
_PyPort_GetItemString(PyObject *dict, const char *name)
{
    return _PyDict_GetItemStringWithError(dict, name);
}

/* Who keeps what mp held, for as long as its version is the same (Cython, for
   globals), has to look anew: values are about to be replaced in place. */
static inline void
_PyPort_DictChanges(PyDictObject *mp)
{
    mp->ma_version_tag = DICT_NEXT_VERSION();
}

/* See to it that the keys have the version that specialized code wants to
   know.  1 if they got one, 0 if they had one or cannot have one. */
static inline int
_PyPort_GiveKeysVersion(PyInterpreterState *interp, PyDictKeysObject *keys)
{
    return keys->dk_kind != DICT_KEYS_GENERAL && keys->dk_version == 0 &&
        _PyDictKeys_GetVersionForCurrentState(keys) != 0;
}

/* The keys that a class's objects share have room for more, less with each
   object that is made, until there is room for one.  See to it that it is so
   now.  1 if that changed anything.

   Here it never does: which attributes objects have is known only once they
   were set, which may be later. */
static inline int
_PyPort_SettleSharedKeys(PyDictKeysObject *keys)
{
    return 0;
}

/* --- Tuples ------------------------------------------------------------- */

/* Where a tuple keeps its hash, -1 until computed; NULL if it does not. */
static inline Py_hash_t *
_PyPort_TupleHash(PyObject *op)
{
    return NULL;
}

/* --- Weak references ---------------------------------------------------- */

/* What ref refers to, borrowed; None if that is gone. */
static inline PyObject *
_PyPort_WeakrefTarget(PyObject *ref)
{
    return PyWeakref_GET_OBJECT(ref);
}

/* --- Code and functions ------------------------------------------------- */

static inline void
_PyPort_VisitCode(PyCodeObject *co, _PyPort_visitor visit, void *arg)
{
    visit(co->co_consts, arg);
    visit(co->co_names, arg);
    visit(co->co_exceptiontable, arg);
    visit(co->co_localsplusnames, arg);
    visit(co->co_localspluskinds, arg);
    visit(co->co_filename, arg);
    visit(co->co_name, arg);
    visit(co->co_qualname, arg);
    visit(co->co_linetable, arg);
    visit(co->_co_code, arg);
}

/* What a function holds. */
static inline void
_PyPort_VisitFunction(PyFunctionObject *f, _PyPort_visitor visit, void *arg)
{
    visit(f->func_globals, arg);
    visit(f->func_builtins, arg);
    visit(f->func_name, arg);
    visit(f->func_qualname, arg);
    visit(f->func_code, arg);
    visit(f->func_defaults, arg);
    visit(f->func_kwdefaults, arg);
    visit(f->func_closure, arg);
    visit(f->func_doc, arg);
    visit(f->func_dict, arg);
    visit(f->func_module, arg);
    visit(f->func_annotations, arg);
}

/* As for keys. */
static inline int
_PyPort_GiveFunctionVersion(PyFunctionObject *func)
{
    return func->func_version == 0 &&
        _PyFunction_GetVersionForCurrentState(func) != 0;
}

/* --- Types -------------------------------------------------------------- */

/* The dictionary of weak references to what type is a base of, borrowed; or
   NULL. */
static inline PyObject *
_PyPort_Subclasses(PyTypeObject *type)
{
    return type->tp_subclasses;
}

/* What a static type holds.  Its tp_traverse must not be called. */
static inline void
_PyPort_VisitStaticType(PyTypeObject *type, _PyPort_visitor visit, void *arg)
{
    visit(_PyPort_Subclasses(type), arg);
    visit(type->tp_dict, arg);
    visit(type->tp_bases, arg);
    visit(type->tp_mro, arg);
    visit(type->tp_cache, arg);
}

/* Has type a version, which specialized code and the method cache know it
   by? */
static inline int
_PyPort_HasTypeVersion(PyTypeObject *type)
{
    return _PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG);
}

/* A type of the io module; to be used where Modules/_io/_iomodule.h is
   included. */
#define _PyPort_IO_TYPE(name) (&Py##name##_Type)

/* An interpreter is about to be finalized, by the calling thread. */
static inline void
_PyPort_BeginFinalization(void)
{
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_PORT_OBJECTS_H */
