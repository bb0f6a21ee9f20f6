/* Finalization at shutdown: which modules there are, whose they are, and in
   which order their turn comes. */

#include "Python.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Find()
#include "pycore_finalize_steps.h"
#include "pycore_immortal_port.h" // _PyPort_Modules()
#include "pycore_initconfig.h"    // PyConfig
#include "pycore_interp.h"
#include "pycore_moduleobject.h"  // _PyModule_GetDef()
#include "pycore_pystate.h"
#include "pycore_unicodeobject.h" // _PyUnicode_EqualToASCIIString()
#include "osdefs.h"               // DELIM, SEP

/* Clear an exception, unless it is one that the search is repeated for. */
static void
clear_exception(void)
{
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
    }
}

static int
has_stdlib_name(PyObject *name)
{
    const char *utf8 = PyUnicode_AsUTF8(name);
    if (utf8 == NULL) {
        clear_exception();
        return 0;
    }
    return _PyDeallocators_IsStdlibName(utf8);
}

/* Is path one of the entries of PYTHONPATH?  The user put it there. */
static int
in_pythonpath(const PyConfig *config, const wchar_t *path)
{
    const wchar_t *entry = config->pythonpath_env;
    size_t n = wcslen(path);
    while (entry != NULL && *entry) {
        const wchar_t *end = wcschr(entry, DELIM);
        size_t length = end ? (size_t)(end - entry) : wcslen(entry);
        if (length == n && wcsncmp(entry, path, n) == 0) {
            return 1;
        }
        entry = end ? end + 1 : NULL;
    }
    return 0;
}

static int
add_directory(PyObject *list, const wchar_t *path)
{
    const wchar_t separator[] = {SEP, 0};
    PyObject *item = PyUnicode_FromWideChar(path, -1);
    PyObject *end = PyUnicode_FromWideChar(separator, 1);
    int result = -1;
    if (item != NULL && end != NULL) {
        Py_SETREF(item, PyUnicode_Concat(item, end));
    }
    if (item != NULL && end != NULL) {
        result = PyList_Append(list, item);
    }
    Py_XDECREF(item);
    Py_XDECREF(end);
    return result;
}

/* The directories that the standard library is imported from: a new list of
   str that end in a separator.  NULL with an exception set on error. */
static PyObject *
stdlib_directories(const PyConfig *config)
{
    PyObject *list = PyList_New(0);
    if (list == NULL) {
        return NULL;
    }
    if (config->stdlib_dir != NULL &&
        add_directory(list, config->stdlib_dir) < 0)
    {
        goto error;
    }
    /* What the interpreter was built to search: lib-dynload, a zip file.
       Site-packages and the script's directory are not in it. */
    for (Py_ssize_t i = 0; i < config->module_search_paths.length; i++) {
        const wchar_t *path = config->module_search_paths.items[i];
        if (!in_pythonpath(config, path) && add_directory(list, path) < 0) {
            goto error;
        }
    }
    return list;
error:
    Py_DECREF(list);
    return NULL;
}

/* Was file imported from one of directories, and not from site-packages below
   it? */
static int
is_stdlib_file(PyObject *file, PyObject *directories)
{
    const char *utf8 = PyUnicode_AsUTF8(file);
    if (utf8 == NULL) {
        clear_exception();
        return 0;
    }
    if (strstr(utf8, "site-packages") || strstr(utf8, "dist-packages")) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(directories); i++) {
        Py_ssize_t match = PyUnicode_Tailmatch(
            file, PyList_GET_ITEM(directories, i), 0, PY_SSIZE_T_MAX, -1);
        if (match > 0) {
            return 1;
        }
    }
    return 0;
}

/* A module without a file: is it built in or frozen into this interpreter? */
static int
is_builtin_or_frozen(PyObject *dict)
{
    PyObject *spec = _PyDictWalk_Find(dict, "__spec__");
    PyObject *origin = NULL;
    if (spec != NULL) {
        origin = PyObject_GetAttrString(spec, "origin");
    }
    int result = origin != NULL && PyUnicode_Check(origin) &&
        (_PyUnicode_EqualToASCIIString(origin, "built-in") ||
         _PyUnicode_EqualToASCIIString(origin, "frozen"));
    Py_XDECREF(origin);
    clear_exception();
    return result;
}

/* A user module with a name of the standard library is still a user module:
   name and origin must both tell. */
static int
is_stdlib(PyInterpreterState *interp, PyObject *name, PyObject *dict,
          PyObject *directories)
{
    if (dict == interp->sysdict || dict == interp->builtins) {
        return 1;
    }
    if (!PyUnicode_Check(name) || !has_stdlib_name(name)) {
        return 0;
    }
    PyObject *file = _PyDictWalk_Find(dict, "__file__");
    if (file != NULL && PyUnicode_Check(file)) {
        return is_stdlib_file(file, directories);
    }
    return is_builtin_or_frozen(dict);
}

static void
classify(PyInterpreterState *interp, _Py_finalize_module *m,
         PyObject *directories)
{
    m->kind = _Py_MODULE_USER;
    m->dict = NULL;
    if (PyModule_Check(m->object)) {
        m->dict = ((PyModuleObject *)m->object)->md_dict;
        if (m->dict != NULL &&
            is_stdlib(interp, m->name, m->dict, directories))
        {
            m->kind = _PyModule_GetDef(m->object) != NULL
                ? _Py_MODULE_C : _Py_MODULE_PURE;
        }
    }
}

/* Append the (name, module) pairs of mapping, if it has any, to result. */
static int
add_items(PyObject *result, PyObject *mapping)
{
    PyObject *items;
    if (mapping == NULL) {
        return 0;
    }
    Py_INCREF(mapping);     /* code of its own may run */
    if (PyDict_Check(mapping)) {
        items = PyDict_Items(mapping);
    }
    else {
        items = PyMapping_Items(mapping);
    }
    Py_DECREF(mapping);
    if (items == NULL) {
        /* A list, for one, or what raises an exception. */
        clear_exception();
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_ssize_t n = PyList_GET_SIZE(result);
    int r = PyList_SetSlice(result, n, n, items);
    Py_DECREF(items);
    return r;
}

/* Move the modules of one kind from all, where the oldest comes first, to
   list: the newest comes first. */
static void
take_kind(_Py_finalize_module *all, Py_ssize_t n, int kind,
          _Py_finalize_modules *list)
{
    for (Py_ssize_t i = n - 1; i >= 0; i--) {
        if ((int)all[i].kind == kind) {
            list->items[list->size++] = all[i];
        }
    }
}

/* The index of __main__ in a list of (name, module) pairs, or -1. */
static Py_ssize_t
find_main(PyObject *pairs)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs); i++) {
        PyObject *pair = PyList_GET_ITEM(pairs, i);
        if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 &&
            PyUnicode_Check(PyTuple_GET_ITEM(pair, 0)) &&
            _PyUnicode_EqualToASCIIString(PyTuple_GET_ITEM(pair, 0),
                                          "__main__"))
        {
            return i;
        }
    }
    return -1;
}

/* Append a (name, module) pair to list, unless the module was seen: under two
   names, it is known by the older one. */
static int
add_module(PyInterpreterState *interp, PyObject *pair, PyObject *directories,
           _Py_addrset *seen, _Py_finalize_modules *list)
{
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 ||
        PyTuple_GET_ITEM(pair, 1) == Py_None)
    {
        return 0;
    }
    int added = _Py_addrset_add(seen, PyTuple_GET_ITEM(pair, 1));
    if (added < 0) {
        PyErr_NoMemory();
    }
    if (added > 0) {
        _Py_finalize_module *m = &list->items[list->size++];
        m->name = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
        m->object = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
        classify(interp, m, directories);
    }
    return PyErr_Occurred() ? -1 : 0;
}

int
_PyFinalize_ListModules(PyInterpreterState *interp,
                        _Py_finalize_modules *list)
{
    int result = -1;
    Py_ssize_t n = 0;
    _Py_addrset seen = {0};
    _Py_finalize_module *all = NULL;
    PyObject *pairs = PyList_New(0);
    PyObject *directories = stdlib_directories(
        _PyInterpreterState_GetConfig(interp));
    memset(list, 0, sizeof(*list));
    if (pairs == NULL || directories == NULL) {
        goto done;
    }
    /* A user may have put another mapping into sys.modules. */
    PyObject *modules = _PyDictWalk_Find(interp->sysdict, "modules");
    if (add_items(pairs, _PyPort_Modules(interp)) < 0 ||
        (modules != _PyPort_Modules(interp) && add_items(pairs, modules) < 0))
    {
        goto done;
    }
    Py_ssize_t size = PyList_GET_SIZE(pairs);
    all = PyMem_Calloc(size + 1, sizeof(*all));
    list->items = PyMem_Calloc(size + 1, sizeof(*all));
    if (all == NULL || list->items == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    Py_ssize_t main = find_main(pairs);
    if (main >= 0 && add_module(interp, PyList_GET_ITEM(pairs, main),
                                directories, &seen, list) < 0)
    {
        goto done;
    }
    _Py_finalize_modules rest = {.items = all};
    for (Py_ssize_t i = 0; i < size; i++) {
        if (add_module(interp, PyList_GET_ITEM(pairs, i), directories,
                       &seen, &rest) < 0)
        {
            n = rest.size;
            goto done;
        }
    }
    n = rest.size;
    take_kind(all, n, _Py_MODULE_USER, list);
    take_kind(all, n, _Py_MODULE_PURE, list);
    take_kind(all, n, _Py_MODULE_C, list);
    n = 0;
    result = 0;
done:
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_DECREF(all[i].name);
        Py_DECREF(all[i].object);
    }
    PyMem_Free(all);
    _Py_addrset_clear(&seen);
    Py_XDECREF(pairs);
    Py_XDECREF(directories);
    return result;
}

static int
add_modules(PyObject *modules, _Py_addrset *set)
{
    PyObject *module;
    Py_ssize_t pos = 0;
    if (modules == NULL || !PyDict_Check(modules)) {
        return 0;
    }
    while (PyDict_Next(modules, &pos, NULL, &module)) {
        if (PyModule_Check(module) &&
            (_Py_addrset_add(set, module) < 0 ||
             _Py_addrset_add(set, PyModule_GetDict(module)) < 0))
        {
            return -1;
        }
    }
    return 0;
}

int
_PyFinalize_AddForeignModules(PyInterpreterState *own, _Py_addrset *set)
{
    int result = 0;
    _PyPort_LockInterpreters();
    PyInterpreterState *interp = _PyRuntime.interpreters.head;
    for (; interp != NULL; interp = interp->next) {
        /* One with a GIL of its own may be in the middle of anything. */
        if (interp != own && _PyPort_ShareGIL(own, interp) &&
            add_modules(_PyPort_Modules(interp), set) < 0)
        {
            result = -1;
            break;
        }
    }
    _PyPort_UnlockInterpreters();
    return result;
}

PyObject *
_PyFinalize_RestoreBuiltins(PyInterpreterState *interp)
{
    PyObject *builtins = interp->builtins, *copy = interp->builtins_copy;
    PyObject *replaced = PyList_New(0);
    PyObject *name, *original;
    Py_ssize_t pos = 0;
    if (builtins == NULL || copy == NULL || replaced == NULL) {
        PyErr_Clear();
        return replaced;
    }
    while (PyDict_Next(copy, &pos, &name, &original)) {
        if (original == Py_None) {
            /* __spec__ and __loader__, which the import system sets after the
               copy was made. */
            continue;
        }
        PyObject *now = PyDict_GetItemWithError(builtins, name);
        /* What is as it was is not written: others may share its memory. */
        if (now == original || PyErr_Occurred()) {
            PyErr_Clear();
            continue;
        }
        if ((now != NULL && PyList_Append(replaced, now) < 0) ||
            PyDict_SetItem(builtins, name, original) < 0)
        {
            PyErr_Clear();
        }
    }
    return replaced;
}

void
_PyFinalize_FreeModules(_Py_finalize_modules *list)
{
    for (Py_ssize_t i = 0; i < list->size; i++) {
        Py_DECREF(list->items[i].name);
        Py_XDECREF(list->items[i].object);
    }
    PyMem_Free(list->items);
    memset(list, 0, sizeof(*list));
}
