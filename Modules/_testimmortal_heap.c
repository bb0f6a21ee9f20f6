/* Tests of the immortal heap: what an object holds that nothing shows, what C
   code is still filling, and a type with an odd tp_traverse.  Part of
   _testimmortal. */

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

/* What half_made() makes: each function fills an object that only it has, and
   calls call() between two items.  What goes into the objects is new, so that
   nothing else holds it. */

static int
call_between(PyObject *call)
{
    PyObject *result = PyObject_CallNoArgs(call);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyObject *
new_item(int i)
{
    return PyUnicode_FromFormat("item %d", i);
}

static PyObject *
fill_tuple(PyObject *tuple, PyObject *call)
{
    for (int i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        if (PyTuple_SetItem(tuple, i, new_item(i)) < 0 ||
            call_between(call) < 0)
        {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    return tuple;
}

/* The other way: the items are there, and are replaced. */
static PyObject *
make_tuple(PyObject *call, int full)
{
    PyObject *tuple = PyTuple_New(3);
    for (int i = 0; full && tuple != NULL && i < 3; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(Py_None));
    }
    return tuple == NULL ? NULL : fill_tuple(tuple, call);
}

static PyObject *
make_tuple_resized(PyObject *call, int size)
{
    PyObject *tuple = make_tuple(call, 0);
    if (tuple == NULL || _PyTuple_Resize(&tuple, size) < 0) {
        return NULL;
    }
    return fill_tuple(tuple, call);
}

/* The list has the only reference to the tuple, or the frozenset. */
static PyObject *
make_in_list(PyObject *call, int set)
{
    PyObject *list = PyList_New(1);
    PyObject *item = set ? PyFrozenSet_New(NULL) : PyTuple_New(3);
    if (list == NULL || item == NULL) {
        return NULL;
    }
    PyList_SET_ITEM(list, 0, item);
    for (int i = 0; i < 3; i++) {
        PyObject *new = new_item(i);
        int err = set ? PySet_Add(item, new) : PyTuple_SetItem(item, i, new);
        if (set) {
            Py_XDECREF(new);
        }
        if (err < 0 || call_between(call) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyObject *
make_frozenset(PyObject *call, int unused)
{
    PyObject *set = PyFrozenSet_New(NULL);
    for (int i = 0; set != NULL && i < 3; i++) {
        PyObject *item = new_item(i);
        if (PySet_Add(set, item) < 0 || call_between(call) < 0) {
            Py_CLEAR(set);
        }
        Py_XDECREF(item);
    }
    return set;
}

static PyObject *
make_str(PyObject *call, int unused)
{
    PyObject *str = PyUnicode_New(6, 127);
    if (str == NULL || PyUnicode_WriteChar(str, 0, 'a') < 0 ||
        call_between(call) < 0 || PyUnicode_Fill(str, 1, 4, 'b') < 0 ||
        call_between(call) < 0 || PyUnicode_Resize(&str, 4) < 0)
    {
        Py_XDECREF(str);
        return NULL;
    }
    PyUnicode_AppendAndDel(&str, PyUnicode_FromString("cd"));
    return str;
}

static PyObject *
make_bytes(PyObject *call, int unused)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, 4);
    if (bytes == NULL || call_between(call) < 0) {
        Py_XDECREF(bytes);
        return NULL;
    }
    memcpy(PyBytes_AS_STRING(bytes), "abcd", 4);
    if (_PyBytes_Resize(&bytes, 8) < 0 || call_between(call) < 0) {
        return NULL;
    }
    memcpy(PyBytes_AS_STRING(bytes) + 4, "efgh", 4);
    return bytes;
}

/* As zlib does: the blocks of the output are in a list, and the last is filled
   while other threads run. */
static PyObject *
make_block(PyObject *call, int unused)
{
    PyObject *list = PyList_New(1);
    PyObject *block = PyBytes_FromStringAndSize(NULL, 8);
    if (list == NULL || block == NULL) {
        return NULL;
    }
    memset(PyBytes_AS_STRING(block), 'x', 8);
    PyList_SET_ITEM(list, 0, block);
    if (call_between(call) < 0) {
        Py_DECREF(list);
        return NULL;
    }
    memcpy(PyBytes_AS_STRING(block), "abcdefgh", 8);
    Py_INCREF(block);
    Py_DECREF(list);
    return block;
}

static PyObject *
make_long_list(PyObject *call, int unused)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < 3; i++) {
        PyObject *item = new_item(i);
        if (item == NULL || PyList_Append(list, item) < 0 ||
            call_between(call) < 0)
        {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    return list;
}

PyDoc_STRVAR(half_made_doc,
"half_made(how, call, /)\n\nMake an object with functions of the C API, and\n"
"call call() now and then when it is half made.  how is one of HALF_MADE.");

static const struct {
    const char *name;
    PyObject *(*make)(PyObject *, int);
    int arg;
} half_made_ways[] = {
    {"tuple", make_tuple, 0}, {"tuple replaced", make_tuple, 1},
    {"tuple grown", make_tuple_resized, 5},
    {"tuple shrunk", make_tuple_resized, 2},
    {"tuple in list", make_in_list, 0}, {"frozenset in list", make_in_list, 1},
    {"frozenset", make_frozenset}, {"str", make_str}, {"bytes", make_bytes},
    {"block of bytes", make_block}, {"list", make_long_list},
};

static PyObject *
half_made(PyObject *self, PyObject *args)
{
    const char *how;
    PyObject *call;
    if (!PyArg_ParseTuple(args, "sO:half_made", &how, &call)) {
        return NULL;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(half_made_ways); i++) {
        if (strcmp(how, half_made_ways[i].name) == 0) {
            return half_made_ways[i].make(call, half_made_ways[i].arg);
        }
    }
    PyErr_Format(PyExc_ValueError, "no way called '%s'", how);
    return NULL;
}

static int
add_half_made_ways(PyObject *module)
{
    PyObject *ways = PyTuple_New(Py_ARRAY_LENGTH(half_made_ways));
    if (ways == NULL) {
        return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(half_made_ways); i++) {
        PyTuple_SET_ITEM(ways, i, PyUnicode_FromString(half_made_ways[i].name));
    }
    int err = PyModule_AddObjectRef(module, "HALF_MADE", ways);
    Py_DECREF(ways);
    return err;
}

static PyMethodDef heap_methods[] = {
    {"half_made", half_made, METH_VARARGS, half_made_doc},
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
        PyModule_AddType(module, &OddType) < 0 ||
        add_half_made_ways(module) < 0)
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
