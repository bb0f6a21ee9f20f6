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
#include "pycore_object.h"        // _PyObject_HasFeature()
#include "pycore_pystate.h"       // _PyInterpreterState_GET()
#include "pycore_typeobject.h"    // managed_static_type_state

/* Called for what an object holds, which may be NULL. */
typedef void (*_PyPort_visitor)(PyObject *, void *);

/* --- Dictionaries ------------------------------------------------------- */

/* What dict has under the key name, borrowed; or NULL, perhaps with an
   exception. */
static inline PyObject *
_PyPort_GetItemString(PyObject *dict, const char *name)
{
    PyObject *value;
    if (PyDict_GetItemStringRef(dict, name, &value) > 0) {
        Py_DECREF(value);       /* dict has one */
    }
    return value;
}

/* Who keeps what mp held (specialized code, watchers) has to look anew: values
   are about to be replaced in place. */
static inline void
_PyPort_DictChanges(PyDictObject *mp)
{
    _PyDict_NotifyEvent(_PyInterpreterState_GET(), PyDict_EVENT_CLEARED, mp,
                        NULL, NULL);
}

/* See to it that the keys have the version that specialized code wants to
   know.  1 if they got one, 0 if they had one or cannot have one. */
static inline int
_PyPort_GiveKeysVersion(PyInterpreterState *interp, PyDictKeysObject *keys)
{
    return keys->dk_kind != DICT_KEYS_GENERAL && keys->dk_version == 0 &&
        _PyDictKeys_GetVersionForCurrentState(interp, keys) != 0;
}

/* The keys that a class's objects share have room for more, less with each
   object that is made, until there is room for one.  See to it that it is so
   now.  1 if that changed anything.

   The class statement finds what its methods set, so the first object shows
   all there is, mostly.  A class that has no object yet is left alone. */
static inline int
_PyPort_SettleSharedKeys(PyDictKeysObject *keys)
{
    if (keys->dk_usable <= 1 ||
        keys->dk_nentries + keys->dk_usable == SHARED_KEYS_MAX_SIZE)
    {
        return 0;
    }
    keys->dk_usable = 1;
    return 1;
}

/* --- Tuples ------------------------------------------------------------- */

/* Where a tuple keeps its hash, -1 until computed; NULL if it does not. */
static inline Py_hash_t *
_PyPort_TupleHash(PyObject *op)
{
    return &_PyTuple_CAST(op)->ob_hash;
}

/* --- Weak references ---------------------------------------------------- */

/* What ref refers to, borrowed; None if that is gone. */
static inline PyObject *
_PyPort_WeakrefTarget(PyObject *ref)
{
    /* Its deallocation may be going on. */
    PyObject *target = ((PyWeakReference *)ref)->wr_object;
    return Py_REFCNT(target) > 0 ? target : Py_None;
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
    if (co->_co_cached != NULL) {
        visit(co->_co_cached->_co_code, arg);
        visit(co->_co_cached->_co_varnames, arg);
        visit(co->_co_cached->_co_cellvars, arg);
        visit(co->_co_cached->_co_freevars, arg);
    }
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
    visit(f->func_annotate, arg);
    visit(f->func_typeparams, arg);
}

/* As for keys. */
static inline int
_PyPort_GiveFunctionVersion(PyFunctionObject *func)
{
    return func->func_version == FUNC_VERSION_UNSET &&
        _PyFunction_GetVersionForCurrentState(func) != 0;
}

/* --- Types -------------------------------------------------------------- */

/* What the current interpreter knows of a static type of CPython's own, or
   NULL: other types know it themselves. */
PyAPI_FUNC(managed_static_type_state *) _PyImmortal_StaticState(
    PyTypeObject *type);

/* The dictionary of weak references to what type is a base of, borrowed; or
   NULL. */
static inline PyObject *
_PyPort_Subclasses(PyTypeObject *type)
{
    managed_static_type_state *state = _PyImmortal_StaticState(type);
    return state != NULL ? state->tp_subclasses : type->tp_subclasses;
}

/* What a static type holds.  Its tp_traverse must not be called. */
static inline void
_PyPort_VisitStaticType(PyTypeObject *type, _PyPort_visitor visit, void *arg)
{
    managed_static_type_state *state = _PyImmortal_StaticState(type);
    visit(_PyPort_Subclasses(type), arg);
    visit(state != NULL ? state->tp_dict : type->tp_dict, arg);
    visit(type->tp_bases, arg);
    visit(type->tp_mro, arg);
    visit(type->tp_cache, arg);
}

/* Has type a version, which specialized code and the method cache know it
   by? */
static inline int
_PyPort_HasTypeVersion(PyTypeObject *type)
{
    return type->tp_version_tag != 0;
}

/* A type of the io module, of the current interpreter; to be used where
   Modules/_io/_iomodule.h is included.  Where the module was never loaded, a
   type of which there are no objects. */
#define _PyPort_IO_TYPE(name) (_PyImmortal_IOState()->Py##name##_Type)
struct _io_state;
extern struct _io_state *_PyImmortal_IOState(void);

extern void _PyImmortal_ForgetIOState(void);

/* An interpreter is about to be finalized, by the calling thread: forget what
   was found out about one before it. */
static inline void
_PyPort_BeginFinalization(void)
{
    _PyImmortal_ForgetIOState();
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_PORT_OBJECTS_H */
