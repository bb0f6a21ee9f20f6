/* Tests of the immortal heap: what an object holds that nothing shows, and a
   type with an odd tp_traverse.  Part of _testimmortal. */

#ifndef Py_BUILD_CORE_BUILTIN
#  define Py_BUILD_CORE_MODULE 1
#endif

#include "Python.h"
#include "pycore_dict.h"          // DK_ENTRIES()
#include "pycore_immortal_port.h" // _PyPort_VisitCode()
#include "pycore_moduleobject.h"  // PyModuleObject

/* Append op to list; NULL is left out.  -1 on error. */
static int
append(PyObject *list, PyObject *op)
{
    return op == NULL ? 0 : PyList_Append(list, op);
}

/* Append op to the list that list points to; on error, that becomes NULL. */
static void
append_visited(PyObject *op, void *list)
{
    PyObject **left = list;
    if (*left != NULL && append(*left, op) < 0) {
        *left = NULL;
    }
}

static int
append_keys(PyObject *list, PyDictKeysObject *keys)
{
    for (Py_ssize_t i = 0; keys != NULL && i < keys->dk_nentries; i++) {
        PyObject *key = DK_IS_UNICODE(keys)
                        ? DK_UNICODE_ENTRIES(keys)[i].me_key
                        : DK_ENTRIES(keys)[i].me_key;
        if (append(list, key) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
append_hidden(PyObject *list, PyObject *obj)
{
    if (PyType_Check(obj)) {
        PyTypeObject *type = (PyTypeObject *)obj;
        if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
            PyObject *left = list;
            _PyPort_VisitStaticType(type, append_visited, &left);
            return left == NULL ? -1 : 0;
        }
        if (append(list, type->tp_dict) < 0
            || append(list, type->tp_bases) < 0
            || append(list, type->tp_mro) < 0
            || append(list, type->tp_cache) < 0
            || append(list, _PyPort_Subclasses(type)) < 0)
        {
            return -1;
        }
        PyHeapTypeObject *heap = (PyHeapTypeObject *)type;
        if (append(list, heap->ht_name) < 0
            || append(list, heap->ht_qualname) < 0
            || append(list, heap->ht_slots) < 0)
        {
            return -1;
        }
        return append_keys(list, heap->ht_cached_keys);
    }
    if (PyCode_Check(obj)) {
        PyObject *left = list;
        _PyPort_VisitCode((PyCodeObject *)obj, append_visited, &left);
        return left == NULL ? -1 : 0;
    }
    if (PyDict_Check(obj)) {
        return append_keys(list, ((PyDictObject *)obj)->ma_keys);
    }
    if (PyModule_Check(obj)) {
        return append(list, ((PyModuleObject *)obj)->md_name);
    }
    if (Py_IS_TYPE(obj, &PyMethodDescr_Type)
        || Py_IS_TYPE(obj, &PyClassMethodDescr_Type)
        || Py_IS_TYPE(obj, &PyGetSetDescr_Type)
        || Py_IS_TYPE(obj, &PyMemberDescr_Type)
        || Py_IS_TYPE(obj, &PyWrapperDescr_Type))
    {
        PyDescrObject *descr = (PyDescrObject *)obj;
        if (append(list, descr->d_name) < 0) {
            return -1;
        }
        return append(list, descr->d_qualname);
    }
    return 0;
}

PyDoc_STRVAR(hidden_doc,
"hidden(obj, /) -> list\n\n"
"What obj owns and neither tp_traverse nor an attribute shows.");

static PyObject *
hidden(PyObject *self, PyObject *obj)
{
    PyObject *list = PyList_New(0);
    if (list != NULL && append_hidden(list, obj) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

static PyMethodDef heap_methods[] = {
    {"hidden", hidden, METH_O, hidden_doc},
    {NULL, NULL, 0, NULL}
};

typedef struct {
    PyObject_HEAD
    PyObject *owned;              /* or NULL: Odd() */
    PyObject *unset;              /* always NULL */
} OddObject;

/* Neither is in any list of the collector, and nobody owns a reference. */
static PyObject static_object = {_PyObject_EXTRA_INIT 1, &PyBaseObject_Type};
static PyObject *borrowed;        /* a str that the module's dict owns */

static int
odd_traverse(OddObject *self, visitproc visit, void *arg)
{
    PyObject *visited[] = {
        self->owned, self->unset, borrowed, &static_object,
        (PyObject *)&PyList_Type, Py_None,
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(visited); i++) {
        Py_VISIT(visited[i]);
    }
    return 0;
}

static int
odd_clear(OddObject *self)
{
    Py_CLEAR(self->owned);
    return 0;
}

static void
odd_dealloc(OddObject *self)
{
    PyObject_GC_UnTrack(self);
    odd_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static int
odd_init(OddObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *owned = NULL;
    if (!PyArg_ParseTuple(args, "|O:Odd", &owned)) {
        return -1;
    }
    Py_XINCREF(owned);
    Py_XSETREF(self->owned, owned);
    return 0;
}

static PyTypeObject OddType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_testimmortal.Odd",
    .tp_basicsize = sizeof(OddObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)odd_init,
    .tp_dealloc = (destructor)odd_dealloc,
    .tp_traverse = (traverseproc)odd_traverse,
    .tp_clear = (inquiry)odd_clear,
};

/* Add all of this to the module; 0, or -1 with an exception set. */
int
_testimmortal_add_heap(PyObject *module)
{
    if (PyModule_AddFunctions(module, heap_methods) < 0 ||
        PyModule_AddType(module, &OddType) < 0)
    {
        return -1;
    }
    borrowed = PyUnicode_FromString("borrowed by Odd");
    if (borrowed == NULL) {
        return -1;
    }
    int err = PyModule_AddObjectRef(module, "BORROWED", borrowed);
    Py_DECREF(borrowed);
    return err;
}
