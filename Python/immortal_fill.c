/* The immortal heap: what would be computed and stored on first use. */

#include "Python.h"
#include "pycore_dict.h"          // _PyDictKeys_GetVersionForCurrentState()
#include "pycore_function.h"      // _PyFunction_GetVersionForCurrentState()
#include "pycore_immortal_heap.h" // _PyImmortalHeap_List()
#include "pycore_immortal_fork.h"
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyType_HasFeature()
#include "pycore_runtime.h"       // _Py_ID()
#include "pycore_moduleobject.h"  // PyModuleObject

static void
fill_keys(PyDictKeysObject *keys, struct _Py_seal_stats *stats)
{
    if (keys->dk_kind != DICT_KEYS_GENERAL && keys->dk_version == 0) {
        stats->filled += _PyDictKeys_GetVersionForCurrentState(keys) != 0;
    }
}

static void
fill_dict(PyObject *op, struct _Py_seal_stats *stats)
{
    if (op != NULL && PyDict_CheckExact(op)) {
        fill_keys(((PyDictObject *)op)->ma_keys, stats);
    }
}

static void
fill_type(PyTypeObject *type, struct _Py_seal_stats *stats)
{
    if (!_PyType_HasFeature(type, Py_TPFLAGS_READY)) {
        /* It is being made; a lookup would make it ready too early. */
        return;
    }
    if (!_PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG)) {
        /* A lookup that can be cached assigns one. */
        (void)_PyType_Lookup(type, &_Py_ID(__init__));
        stats->filled++;
    }
    if (_PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        PyHeapTypeObject *et = (PyHeapTypeObject *)type;
        if (et->ht_cached_keys != NULL) {
            fill_keys(et->ht_cached_keys, stats);
        }
    }
}

/* Static types are on no list.  What is derived from one under a heap type is
   a heap type as well. */
static void
fill_static_types(PyTypeObject *type, struct _Py_seal_stats *stats)
{
    fill_type(type, stats);
    PyObject *ref;
    Py_ssize_t pos = 0;
    while (type->tp_subclasses != NULL &&
           PyDict_Next(type->tp_subclasses, &pos, NULL, &ref))
    {
        PyObject *child = PyWeakref_GET_OBJECT(ref);
        if (PyType_Check(child) &&
            !_PyType_HasFeature((PyTypeObject *)child, Py_TPFLAGS_HEAPTYPE) &&
            ((PyTypeObject *)child)->tp_base == type)
        {
            fill_static_types((PyTypeObject *)child, stats);
        }
    }
}

static void
fill_object(PyObject *op, struct _Py_seal_stats *stats)
{
    if (PyFunction_Check(op)) {
        PyFunctionObject *func = (PyFunctionObject *)op;
        if (func->func_version == 0) {
            stats->filled += _PyFunction_GetVersionForCurrentState(func) != 0;
        }
        fill_dict(func->func_globals, stats);
        fill_dict(func->func_builtins, stats);
    }
    else if (PyModule_Check(op)) {
        fill_dict(((PyModuleObject *)op)->md_dict, stats);
    }
    else if (PyType_Check(op)) {
        fill_type((PyTypeObject *)op, stats);
    }
}

void
_PyImmortalHeap_Fill(PyInterpreterState *interp, struct _Py_seal_stats *stats)
{
    fill_static_types(&PyBaseObject_Type, stats);
    PyGC_Head *head = _PyImmortalHeap_List(interp);
    PyGC_Head *gc = _PyGCHead_NEXT(head);
    for (; gc != head; gc = _PyGCHead_NEXT(gc)) {
        fill_object((PyObject *)(gc + 1), stats);
    }
}
