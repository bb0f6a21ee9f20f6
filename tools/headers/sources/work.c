/* What extensions do with the public headers, in the part of C that is C++ too.

   Built once for each row of rows.toml, with stock's headers and with the
   patched ones.  Every function returns plain values, the same for all of
   them; probe.py calls them.  -DPy_LIMITED_API builds it for the stable ABI.
   Nothing here knows of immortal objects. */

#include "Python.h"
#include "structmember.h"

#ifndef NAME
#  define NAME work
#endif
#define STRING(X) #X
#define NAME_STRING(X) STRING(X)
#define CONCAT(A, B) A ## B
#define INIT_FUNCTION(X) CONCAT(PyInit_, X)

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030A0000
#  define HAS_NEW_REF 1
#endif

/* A list and a tuple that hold obj n times each. */
static PyObject *
fill(PyObject *self, PyObject *args)
{
    PyObject *obj, *list, *tuple;
    Py_ssize_t n, i;
    (void)self;
    if (!PyArg_ParseTuple(args, "On", &obj, &n)) {
        return NULL;
    }
    list = PyList_New(n);
    tuple = PyTuple_New(n);
    if (list == NULL || tuple == NULL) {
        Py_XDECREF(list);
        Py_XDECREF(tuple);
        return NULL;
    }
    for (i = 0; i < n; i++) {
        Py_INCREF(obj);
        Py_XINCREF(obj);
#ifdef Py_LIMITED_API
        PyList_SetItem(list, i, obj);
        PyTuple_SetItem(tuple, i, obj);
#else
        PyList_SET_ITEM(list, i, obj);
        PyTuple_SET_ITEM(tuple, i, obj);
#endif
    }
    return Py_BuildValue("NN", list, tuple);
}

/* What the count of obj is above that at the start, after each way to change it. */
static PyObject *
ways(PyObject *self, PyObject *obj)
{
    PyObject *nothing = NULL, *other = NULL;
    Py_ssize_t start = Py_REFCNT(obj), seen[8] = {0};
    (void)self;
    Py_INCREF(obj);
    seen[0] = Py_REFCNT(obj) - start;
    Py_XINCREF(obj);
    Py_XINCREF(nothing);
    seen[1] = Py_REFCNT(obj) - start;
    Py_IncRef(obj);
    seen[2] = Py_REFCNT(obj) - start;
    Py_DECREF(obj);
    seen[3] = Py_REFCNT(obj) - start;
    Py_XDECREF(obj);
    Py_XDECREF(nothing);
    Py_DecRef(obj);
    seen[4] = Py_REFCNT(obj) - start;
#ifdef HAS_NEW_REF
    other = Py_NewRef(obj);
    seen[5] = Py_REFCNT(obj) - start;
    Py_CLEAR(other);
    other = Py_XNewRef(obj);
    (void)Py_XNewRef(nothing);
#else
    Py_INCREF(obj);
    other = obj;
    seen[5] = Py_REFCNT(obj) - start;
#endif
#ifndef Py_LIMITED_API
    Py_SET_REFCNT(obj, Py_REFCNT(obj) + 2);
    seen[6] = Py_REFCNT(obj) - start;
    Py_SET_REFCNT(obj, Py_REFCNT(obj) - 2);
    Py_INCREF(Py_None);
    Py_SETREF(other, Py_None);
    Py_XSETREF(other, NULL);
#endif
    Py_CLEAR(other);
    seen[7] = Py_REFCNT(obj) - start;
    return Py_BuildValue("[nnnnnnnn]", seen[0], seen[1], seen[2], seen[3],
                         seen[4], seen[5], seen[6], seen[7]);
}

/* Call function n times with one argument, and give back what it returns. */
static PyObject *
call(PyObject *self, PyObject *args)
{
    PyObject *function, *argument;
    Py_ssize_t n;
    (void)self;
    if (!PyArg_ParseTuple(args, "OnO", &function, &n, &argument)) {
        return NULL;
    }
    while (n-- > 0) {
#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030C0000
        PyObject *arguments[2] = {NULL, argument};
        PyObject *result = PyObject_Vectorcall(
            function, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
#else
        PyObject *result = PyObject_CallFunctionObjArgs(function, argument, NULL);
#endif
        if (result == NULL) {
            return NULL;
        }
        Py_DECREF(result);
    }
    Py_INCREF(Py_None);
    return Py_None;
}

static PyObject *
none(PyObject *self, PyObject *ignored)
{
    (void)self, (void)ignored;
    Py_RETURN_NONE;
}

static PyObject *
yes(PyObject *self, PyObject *ignored)
{
    (void)self, (void)ignored;
    Py_RETURN_TRUE;
}

static PyObject *
not_implemented(PyObject *self, PyObject *ignored)
{
    (void)self, (void)ignored;
    Py_RETURN_NOTIMPLEMENTED;
}

/* A type made at run time whose instances are in the collector's hands. */
typedef struct {
    PyObject_HEAD
    PyObject *other;
} Node;

static int deallocated;

static int
node_traverse(PyObject *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(((Node *)self)->other);
    return 0;
}

static int
node_clear(PyObject *self)
{
    Py_CLEAR(((Node *)self)->other);
    return 0;
}

static void
node_dealloc(PyObject *self)
{
    PyObject *type = (PyObject *)Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    node_clear(self);
    deallocated++;
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMemberDef node_members[] = {
    {(char *)"other", T_OBJECT, offsetof(Node, other), 0, NULL},
    {NULL, 0, 0, 0, NULL}
};

/* Slots hold functions as void *, which ISO C has no cast for: the way by
   a union is for -pedantic. */
union slot {
    void *pointer;
    traverseproc traverse;
    inquiry clear;
    destructor dealloc;
};

static PyObject *
make_type(void)
{
    static PyType_Slot slots[5];
    static PyType_Spec spec;
    union slot cast;
    slots[0].slot = Py_tp_members;
    slots[0].pfunc = node_members;
    cast.traverse = node_traverse;
    slots[1].slot = Py_tp_traverse;
    slots[1].pfunc = cast.pointer;
    cast.clear = node_clear;
    slots[2].slot = Py_tp_clear;
    slots[2].pfunc = cast.pointer;
    cast.dealloc = node_dealloc;
    slots[3].slot = Py_tp_dealloc;
    slots[3].pfunc = cast.pointer;
    spec.name = NAME_STRING(NAME) ".Node";
    spec.basicsize = (int)sizeof(Node);
    spec.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
    spec.slots = slots;
    return PyType_FromSpec(&spec);
}

/* How many of n that this makes and drops are deallocated in time: the
   compiler sees the whole way from the count to the deallocator. */
static PyObject *
drop(PyObject *self, PyObject *args)
{
    PyObject *type;
    Py_ssize_t n, in_time = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "On", &type, &n)) {
        return NULL;
    }
    while (n-- > 0) {
        int before = deallocated;
        PyObject *node = PyObject_CallObject(type, NULL);
        if (node == NULL) {
            return NULL;
        }
        Py_INCREF(node);
        Py_DECREF(node);
        in_time += deallocated == before;
        Py_DECREF(node);
        in_time += deallocated == before + 1;
    }
    return PyLong_FromSsize_t(in_time);
}

static PyMethodDef methods[] = {
    {"fill", fill, METH_VARARGS, NULL},
    {"ways", ways, METH_O, NULL},
    {"call", call, METH_VARARGS, NULL},
    {"none", none, METH_NOARGS, NULL},
    {"yes", yes, METH_NOARGS, NULL},
    {"not_implemented", not_implemented, METH_NOARGS, NULL},
    {"drop", drop, METH_VARARGS, NULL},
#ifdef MORE_METHODS
    MORE_METHODS
#endif
    {NULL, NULL, 0, NULL}
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, NAME_STRING(NAME), NULL, -1, methods, NULL, NULL, NULL, NULL
};

PyMODINIT_FUNC
INIT_FUNCTION(NAME)(void)
{
    PyObject *module = PyModule_Create(&module_def);
    PyObject *type = make_type();
    if (module == NULL || type == NULL
        || PyModule_AddObject(module, "Node", type) < 0) {
        Py_XDECREF(module);
        Py_XDECREF(type);
        return NULL;
    }
    return module;
}
