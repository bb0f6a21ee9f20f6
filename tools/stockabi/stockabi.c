/* An extension that knows nothing of immortality.

   check.py builds this with the headers of the *stock* tree, as any wheel
   on PyPI is built, and loads it into the patched interpreter: what the
   headers inline here (plain ++ and -- on the count, tests against it) must
   do no harm.  Built once more with the patched tree's headers, it shows
   that no structure moved.  -DLIMITED builds it for the limited API. */

#ifdef LIMITED
#  define Py_LIMITED_API 0x03020000
#endif
#ifndef LIMITED
#  define PY_SSIZE_T_CLEAN
#endif
#include "Python.h"
#include <stddef.h>

#define STRING(X) #X
#define NAME_STRING(X) STRING(X)
#define CONCAT(A, B) A ## B
#define INIT_FUNCTION(X) CONCAT(PyInit_, X)

static PyObject *
return_none(PyObject *self, PyObject *ignored)
{
    Py_INCREF(Py_None);
    return Py_None;
}

static PyObject *
steal(PyObject *self, PyObject *obj)
{
    Py_DECREF(obj);     // a reference that was only lent
    Py_INCREF(Py_None);
    return Py_None;
}

/* The functions above, called without giving the compiler a chance to add up
   what they do to the count. */
static PyCFunction volatile call_return_none = return_none;

static PyObject *
return_none_times(PyObject *self, PyObject *args)
{
    Py_ssize_t n;
    if (!PyArg_ParseTuple(args, "n", &n)) {
        return NULL;
    }
    while (n-- > 0) {
        // A patched caller does not give None back.
        (void)call_return_none(self, NULL);
    }
    return PyBool_FromLong(1);
}

/* NAME(obj, n): do WHAT to obj n times; every one may be the last, as far as
   this code knows. */
#define TIMES(NAME, WHAT)                                   \
static PyObject *                                           \
NAME(PyObject *self, PyObject *args)                        \
{                                                           \
    PyObject *volatile obj;                                 \
    PyObject *arg;                                          \
    Py_ssize_t n;                                           \
    if (!PyArg_ParseTuple(args, "On", &arg, &n)) {          \
        return NULL;                                        \
    }                                                       \
    for (obj = arg; n > 0; n--) {                           \
        WHAT;                                               \
    }                                                       \
    return PyBool_FromLong(1);                              \
}

TIMES(steal_times, Py_DECREF(obj))
/* For references that somebody else gives back. */
TIMES(keep_times, Py_INCREF(obj))
TIMES(pair_times, Py_INCREF(obj); Py_DECREF(obj))

/* Call make, and give back the only reference to what it returns. */
static PyObject *
call_and_drop(PyObject *self, PyObject *make)
{
    PyObject *made = PyObject_CallObject(make, NULL);
    if (made == NULL) {
        return NULL;
    }
    Py_DECREF(made);
    Py_INCREF(Py_None);
    return Py_None;
}

static PyObject *
refcnt(PyObject *self, PyObject *obj)
{
    return PyLong_FromSsize_t(Py_REFCNT(obj));
}

#ifndef LIMITED
static PyObject *
weakref_get(PyObject *self, PyObject *ref)
{
    PyObject *obj = PyWeakref_GET_OBJECT(ref);
    Py_INCREF(obj);
    return obj;
}

static PyObject *
fill(PyObject *self, PyObject *args)
{
    PyObject *obj;
    Py_ssize_t n;
    if (!PyArg_ParseTuple(args, "On", &obj, &n)) {
        return NULL;
    }
    PyObject *list = PyList_New(n), *tuple = PyTuple_New(n);
    if (list == NULL || tuple == NULL) {
        Py_XDECREF(list);
        Py_XDECREF(tuple);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_INCREF(obj);
        PyList_SET_ITEM(list, i, obj);
        Py_INCREF(obj);
        PyTuple_SET_ITEM(tuple, i, obj);
    }
    return Py_BuildValue("NN", list, tuple);
}

/* Set a count of 1 in memory that holds whatever it held, as old code does
   to make an object by hand. */
static PyObject *
init_by_hand(PyObject *self, PyObject *byte)
{
    PyObject *op = PyObject_Malloc(sizeof(PyObject));
    if (op == NULL) {
        return PyErr_NoMemory();
    }
    memset(op, (int)PyLong_AsLong(byte), sizeof(PyObject));
    Py_SET_REFCNT(op, 1);
    Py_SET_TYPE(op, &PyBaseObject_Type);
    return op;
}

/* {structure: [sizeof, offset of each of some members]} */
static PyObject *
layout(PyObject *self, PyObject *ignored)
{
    return Py_BuildValue(
        "{s[nnn] s[nnnnn] s[nnnn] s[nnn] s[nnnn] s[nnn]}",
        "PyObject", sizeof(PyObject), offsetof(PyObject, ob_refcnt),
        offsetof(PyObject, ob_type),
        "PyTypeObject", sizeof(PyTypeObject), offsetof(PyTypeObject, tp_name),
        offsetof(PyTypeObject, tp_flags), offsetof(PyTypeObject, tp_dict),
        offsetof(PyTypeObject, tp_vectorcall),
        "PyCodeObject", sizeof(PyCodeObject), offsetof(PyCodeObject, co_consts),
        offsetof(PyCodeObject, co_flags),
        offsetof(PyCodeObject, co_code_adaptive),
        "PyASCIIObject", sizeof(PyASCIIObject), offsetof(PyASCIIObject, hash),
        offsetof(PyASCIIObject, state),
        "PyThreadState", sizeof(PyThreadState), offsetof(PyThreadState, interp),
        offsetof(PyThreadState, exc_info), offsetof(PyThreadState, native_thread_id),
        "PyHeapTypeObject", sizeof(PyHeapTypeObject),
        offsetof(PyHeapTypeObject, ht_name),
        offsetof(PyHeapTypeObject, ht_cached_keys));
}

static PyTypeObject StaticType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "stockabi.StaticType",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
};
#endif

static PyMethodDef methods[] = {
    {"return_none", return_none, METH_NOARGS, NULL},
    {"return_none_times", return_none_times, METH_VARARGS, NULL},
    {"steal", steal, METH_O, NULL},
    {"steal_times", steal_times, METH_VARARGS, NULL},
    {"keep_times", keep_times, METH_VARARGS, NULL},
    {"pair_times", pair_times, METH_VARARGS, NULL},
    {"call_and_drop", call_and_drop, METH_O, NULL},
    {"refcnt", refcnt, METH_O, NULL},
#ifndef LIMITED
    {"weakref_get", weakref_get, METH_O, NULL},
    {"fill", fill, METH_VARARGS, NULL},
    {"init_by_hand", init_by_hand, METH_O, NULL},
    {"layout", layout, METH_NOARGS, NULL},
#endif
    {NULL, NULL, 0, NULL}
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = NAME_STRING(NAME),
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
INIT_FUNCTION(NAME)(void)
{
    PyObject *module = PyModule_Create(&module_def);
#ifndef LIMITED
    if (module != NULL && PyModule_AddType(module, &StaticType) < 0) {
        Py_DECREF(module);
        return NULL;
    }
#endif
    return module;
}
