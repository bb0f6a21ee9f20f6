/* Tests of the immortal heap: objects that C code is still filling.  Part of
   _testimmortal.

   Each function fills an object that only it has, and calls call() between two
   items.  What goes into the objects is new, so that nothing else holds it. */

#ifndef Py_BUILD_CORE_BUILTIN
#  define Py_BUILD_CORE_MODULE 1
#endif

#include "Python.h"

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

static PyMethodDef half_made_methods[] = {
    {"half_made", half_made, METH_VARARGS, half_made_doc},
    {NULL, NULL, 0, NULL}
};

/* Add all of this to the module; 0, or -1 with an exception set. */
int
_testimmortal_add_half_made(PyObject *module)
{
    if (PyModule_AddFunctions(module, half_made_methods) < 0) {
        return -1;
    }
    PyObject *ways = PyTuple_New(Py_ARRAY_LENGTH(half_made_ways));
    if (ways == NULL) {
        return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(half_made_ways); i++) {
        PyTuple_SET_ITEM(ways, i,
                         PyUnicode_FromString(half_made_ways[i].name));
    }
    int err = PyModule_AddObjectRef(module, "HALF_MADE", ways);
    Py_DECREF(ways);
    return err;
}
