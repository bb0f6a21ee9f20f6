/* The immortal heap: what would be computed and stored on first use. */

#include "Python.h"
#include "pycore_gc_lists.h"      // list_visit()
#include "pycore_immortal_fork.h"
#include "pycore_immortal_heap.h" // _PyImmortalHeap_List()
#include "pycore_immortal_port.h" // _PyPort_GiveKeysVersion()
#include "pycore_object.h"        // _PyType_HasFeature()
#include "pycore_runtime.h"       // _Py_ID()
#include "pycore_moduleobject.h"  // PyModuleObject
#include "pycore_type_walks.h"    // _PyStaticTypes_Visit()

/* Only types whose hash is computed from their own memory alone, so that no
   code runs. */
void
_PyImmortalHeap_FillHash(PyObject *op, void *stats)
{
    if (PyUnicode_CheckExact(op)) {
        if (((PyASCIIObject *)op)->hash != -1) {
            return;
        }
    }
    else if (PyBytes_CheckExact(op)) {
_Py_COMP_DIAG_PUSH
_Py_COMP_DIAG_IGNORE_DEPR_DECLS
        if (((PyBytesObject *)op)->ob_shash != -1) {
            return;
        }
_Py_COMP_DIAG_POP
    }
    else {
        return;
    }
    (void)PyObject_Hash(op);
    ((struct _Py_seal_stats *)stats)->filled++;
}

struct fill {
    PyInterpreterState *interp;
    struct _Py_seal_stats *stats;
};

static void
fill_keys(PyDictKeysObject *keys, struct fill *fill)
{
    fill->stats->filled += _PyPort_GiveKeysVersion(fill->interp, keys);
}

static void
fill_dict(PyObject *op, struct fill *fill)
{
    if (op != NULL && PyDict_CheckExact(op)) {
        fill_keys(((PyDictObject *)op)->ma_keys, fill);
    }
}

static void
fill_type(PyTypeObject *type, struct fill *fill)
{
    if (!_PyType_HasFeature(type, Py_TPFLAGS_READY)) {
        /* It is being made; a lookup would make it ready too early. */
        return;
    }
    if (!_PyPort_HasTypeVersion(type)) {
        /* A lookup that can be cached assigns one. */
        (void)_PyType_Lookup(type, &_Py_ID(__init__));
        fill->stats->filled++;
    }
    if (_PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        PyHeapTypeObject *et = (PyHeapTypeObject *)type;
        if (et->ht_cached_keys != NULL) {
            fill_keys(et->ht_cached_keys, fill);
        }
    }
}

static void
fill_static_type(PyTypeObject *type, void *arg)
{
    struct fill *fill = arg;
    fill_type(type, fill);
}

static int
fill_object(PyObject *op, void *arg)
{
    struct fill *fill = arg;
    if (PyFunction_Check(op)) {
        PyFunctionObject *func = (PyFunctionObject *)op;
        fill->stats->filled += _PyPort_GiveFunctionVersion(func);
        fill_dict(func->func_globals, fill);
        fill_dict(func->func_builtins, fill);
    }
    else if (PyModule_Check(op)) {
        fill_dict(((PyModuleObject *)op)->md_dict, fill);
    }
    else if (PyType_Check(op)) {
        fill_type((PyTypeObject *)op, fill);
    }
    return 0;
}

void
_PyImmortalHeap_Fill(PyInterpreterState *interp, struct _Py_seal_stats *stats)
{
    struct fill fill = {interp, stats};
    /* Without memory, what is left is written to when it is used. */
    (void)_PyStaticTypes_Visit(fill_static_type, &fill);
    (void)list_visit(_PyImmortalHeap_List(interp), fill_object, &fill);
}
