/* Deallocators: which do something that could be noticed. */

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE             // dladdr()
#endif
#include "Python.h"
#include "pycore_deallocators.h"
#include "stdlib_module_names.h"  // _Py_stdlib_module_names
#ifdef HAVE_DLFCN_H
#  include <dlfcn.h>
#endif

static int work = 0;

void
_PyDeallocators_Note(void)
{
    work = 1;
}

int
_PyDeallocators_Work(void)
{
    return work;
}

static int
compare_names(const void *name, const void *element)
{
    return strcmp(name, *(const char *const *)element);
}

int
_PyDeallocators_IsStdlibName(const char *name)
{
    char top[64];
    size_t n = strcspn(name, ".");
    if (n >= sizeof(top)) {
        return 0;
    }
    memcpy(top, name, n);
    top[n] = '\0';
    return bsearch(top, _Py_stdlib_module_names,
                   Py_ARRAY_LENGTH(_Py_stdlib_module_names),
                   sizeof(char *), compare_names) != NULL;
}

int
_PyDeallocators_IsOwnCode(destructor function)
{
#ifdef HAVE_DLFCN_H
    Dl_info own, info;
    return dladdr((void *)PyType_Type.tp_dealloc, &own) == 0 ||
        dladdr((void *)function, &info) == 0 ||
        info.dli_fbase == own.dli_fbase;
#else
    return 1;
#endif
}

/* Is type one that an application which embeds the interpreter has built into
   its own executable?  Its name begins with that of a module; that of a class
   that is written in Python does not. */
static int
is_applications(PyTypeObject *type)
{
    if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
        ((PyHeapTypeObject *)type)->ht_cached_keys != NULL)
    {
        return 0;
    }
    return strchr(type->tp_name, '.') != NULL &&
        !_PyDeallocators_IsStdlibName(type->tp_name);
}

/* Is what type itself adds to its base implemented outside? */
static int
adds_foreign(PyTypeObject *type)
{
    return !_PyDeallocators_IsOwnCode(type->tp_dealloc) ||
        is_applications(type);
}

int
_PyDeallocators_IsForeign(PyTypeObject *type)
{
    while (type != NULL && !adds_foreign(type)) {
        type = type->tp_base;
    }
    return type != NULL;
}

int
_PyDeallocators_IsOthers(PyTypeObject *type)
{
    while (type != NULL && (_PyDeallocators_IsStdlibName(type->tp_name) ||
                            !adds_foreign(type)))
    {
        type = type->tp_base;
    }
    return type != NULL;
}

static PyCapsule_Destructor
destructor_of(PyObject *capsule)
{
    PyObject *exc_type, *exc_value, *exc_tb;
    PyErr_Fetch(&exc_type, &exc_value, &exc_tb);
    PyCapsule_Destructor result = PyCapsule_GetDestructor(capsule);
    PyErr_Restore(exc_type, exc_value, exc_tb);
    return result;
}

_Py_hashtable_t *
_PyDeallocators_NewTable(void)
{
    _Py_hashtable_allocator_t raw = {PyMem_RawMalloc, PyMem_RawFree};
    return _Py_hashtable_new_full(_Py_hashtable_hash_ptr,
                                  _Py_hashtable_compare_direct,
                                  NULL, NULL, &raw);
}

/* Without memory, a type is looked at each time. */
static int
look_up(_Py_deallocators *d, PyTypeObject *type)
{
    if (d->types == NULL) {
        d->types = _PyDeallocators_NewTable();
        if (d->types == NULL) {
            return _PyDeallocators_IsForeign(type);
        }
    }
    uintptr_t kind = (uintptr_t)_Py_hashtable_get(d->types, type);
    if (kind == 0) {
        kind = _PyDeallocators_IsForeign(type) ? 2 : 1;
        (void)_Py_hashtable_set(d->types, type, (void *)kind);
    }
    return kind > 1;
}

int
_PyDeallocators_DoMore(_Py_deallocators *d, PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    if (type == d->last) {
        return 0;
    }
    if (PyCapsule_CheckExact(op)) {
        return destructor_of(op) != NULL;
    }
    int more = look_up(d, type);
    if (!more) {
        d->last = type;
    }
    /* They are the interpreter's to let go of. */
    return more && !PyType_Check(op) && !PyModule_Check(op);
}

/* Where the object file begins in which code is, or code where that is not
   known. */
static const void *
library_of(const void *code)
{
#ifdef HAVE_DLFCN_H
    Dl_info info;
    if (dladdr(code, &info) != 0) {
        return info.dli_fbase;
    }
#endif
    return code;
}

static const void *
find_library(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    if (PyCapsule_CheckExact(op)) {
        return library_of((void *)destructor_of(op));
    }
    while (type->tp_base != NULL && _PyDeallocators_IsOwnCode(type->tp_dealloc)
           && _PyDeallocators_IsForeign(type->tp_base))
    {
        type = type->tp_base;
    }
    return library_of((void *)type->tp_dealloc);
}

/* Without memory, it is looked for each time, which takes far longer. */
const void *
_PyDeallocators_Library(_Py_deallocators *d, PyObject *op)
{
    const void *key = PyCapsule_CheckExact(op) ? (void *)destructor_of(op) :
        (void *)Py_TYPE(op);
    if (d->libraries == NULL &&
        (d->libraries = _PyDeallocators_NewTable()) == NULL)
    {
        return find_library(op);
    }
    void *library = _Py_hashtable_get(d->libraries, key);
    if (library == NULL) {
        library = (void *)find_library(op);
        (void)_Py_hashtable_set(d->libraries, key, library);
    }
    return library;
}

int
_PyDeallocators_CountInstance(_Py_deallocators *d, PyTypeObject *type,
                              uintptr_t max)
{
    _Py_hashtable_entry_t *entry = d->types == NULL ? NULL :
        _Py_hashtable_get_entry(d->types, type);
    if (entry == NULL) {
        return 1;       /* a capsule; or there was no memory to know it */
    }
    uintptr_t counted = (uintptr_t)entry->value - 2;
    entry->value = (void *)(counted < max ? counted + 3 : 1);
    return counted < max;
}

void
_PyDeallocators_Clear(_Py_deallocators *d)
{
    if (d->types != NULL) {
        _Py_hashtable_destroy(d->types);
    }
    if (d->libraries != NULL) {
        _Py_hashtable_destroy(d->libraries);
    }
    memset(d, 0, sizeof(*d));
}
