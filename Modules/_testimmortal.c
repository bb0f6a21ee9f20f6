/* Looks at, and tampers with, immortal reference counts.  For tests only:
   nothing in the interpreter or the standard library imports this.

   Most functions do what code unaware of immortality might do.  They trust
   their caller; a count set wrong crashes the process, as it would in C. */

#ifndef Py_BUILD_CORE_BUILTIN
#  define Py_BUILD_CORE_MODULE 1
#endif

#include "Python.h"
#include "pycore_code.h"          // _PyCode_NBYTES()
#include "pycore_immortal.h"      // _Py_EnsureImmortal()
#include "pycore_object.h"        // _Py_DECREF_SPECIALIZED()

PyDoc_STRVAR(refcnt_doc,
"refcnt(obj, /) -> int\n\nThe reference count of obj as it is stored.  For\n"
"a mortal obj that includes the references the call itself holds.");

static PyObject *
refcnt(PyObject *self, PyObject *obj)
{
    return PyLong_FromSsize_t(obj->ob_refcnt);
}

PyDoc_STRVAR(is_immortal_doc,
"is_immortal(obj, /) -> bool\n\nTrue if Py_DECREF() leaves obj alone.");

static PyObject *
is_immortal(PyObject *self, PyObject *obj)
{
    return PyBool_FromLong(_Py_IsImmortal(obj));
}

PyDoc_STRVAR(set_immortal_doc,
"set_immortal(obj, /)\n\nMake obj immortal, as the interpreter does.");

static PyObject *
set_immortal(PyObject *self, PyObject *obj)
{
    _Py_EnsureImmortal(obj);
    Py_RETURN_NONE;
}

/* The (obj, n) that most functions here take.  0 on error. */
static int
parse_object_and_count(PyObject *args, PyObject **obj, Py_ssize_t *n)
{
    return PyArg_ParseTuple(args, "On", obj, n);
}

PyDoc_STRVAR(drift_doc,
"drift(obj, n, /)\n\nAdd n to the stored count, as an extension built with\n"
"unpatched headers would: no test, no debug accounting.");

static PyObject *
drift(PyObject *self, PyObject *args)
{
    PyObject *obj;
    Py_ssize_t n;
    if (!parse_object_and_count(args, &obj, &n)) {
        return NULL;
    }
    obj->ob_refcnt += n;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(set_refcnt_doc,
"set_refcnt(obj, n, /)\n\nPy_SET_REFCNT(obj, n).");

static PyObject *
set_refcnt(PyObject *self, PyObject *args)
{
    PyObject *obj;
    Py_ssize_t n;
    if (!parse_object_and_count(args, &obj, &n)) {
        return NULL;
    }
    Py_SET_REFCNT(obj, n);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(incref_doc, "incref(obj, n, /)\n\nPy_INCREF(obj), n times.");

static PyObject *
incref(PyObject *self, PyObject *args)
{
    PyObject *obj;
    Py_ssize_t n;
    if (!parse_object_and_count(args, &obj, &n)) {
        return NULL;
    }
    while (n-- > 0) {
        Py_INCREF(obj);
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(decref_doc, "decref(obj, n, /)\n\nPy_DECREF(obj), n times.");

static PyObject *
decref(PyObject *self, PyObject *args)
{
    PyObject *obj;
    Py_ssize_t n;
    if (!parse_object_and_count(args, &obj, &n)) {
        return NULL;
    }
    while (n-- > 0) {
        Py_DECREF(obj);
    }
    Py_RETURN_NONE;
}

/* A destructor for _Py_DECREF_SPECIALIZED() that must not be reached. */
static void
never_dealloc(PyObject *op)
{
    Py_FatalError("an immortal object was deallocated");
}

PyDoc_STRVAR(decref_specialized_doc,
"decref_specialized(obj, n, /)\n\n"
"Both private macros of pycore_object.h on obj, n times.");

static PyObject *
decref_specialized(PyObject *self, PyObject *args)
{
    PyObject *obj;
    Py_ssize_t n;
    if (!parse_object_and_count(args, &obj, &n)) {
        return NULL;
    }
    while (n-- > 0) {
        _Py_DECREF_SPECIALIZED(obj, never_dealloc);
        _Py_DECREF_NO_DEALLOC(obj);
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(refcnt_add_doc,
"refcnt_add(obj, n, /)\n\n_Py_RefcntAdd(obj, n): n references at once.");

static PyObject *
refcnt_add(PyObject *self, PyObject *args)
{
    PyObject *obj;
    Py_ssize_t n;
    if (!parse_object_and_count(args, &obj, &n)) {
        return NULL;
    }
    _Py_RefcntAdd(obj, n);
    Py_RETURN_NONE;
}

/* Memory for an object, every byte set.  NULL with an exception on error. */
static PyObject *
filled_memory(int byte)
{
    PyObject *op = PyObject_Malloc(sizeof(PyObject));
    if (op == NULL) {
        return PyErr_NoMemory();
    }
    memset(op, byte, sizeof(PyObject));
    return op;
}

PyDoc_STRVAR(init_over_doc,
"init_over(byte, /) -> int\n\n"
"The count that PyObject_Init() gives to memory filled with byte.");

static PyObject *
init_over(PyObject *self, PyObject *arg)
{
    PyObject *op = filled_memory((int)PyLong_AsLong(arg));
    if (op == NULL) {
        return NULL;
    }
    PyObject_Init(op, &PyBaseObject_Type);
    PyObject *res = PyLong_FromSsize_t(op->ob_refcnt);
    Py_DECREF(op);
    return res;
}

PyDoc_STRVAR(set_refcnt_over_doc,
"set_refcnt_over(byte, /) -> int\n\n"
"The count after Py_SET_REFCNT(op, 1) on memory filled with byte.");

static PyObject *
set_refcnt_over(PyObject *self, PyObject *arg)
{
    PyObject *op = filled_memory((int)PyLong_AsLong(arg));
    if (op == NULL) {
        return NULL;
    }
    Py_SET_REFCNT(op, 1);
    PyObject *res = PyLong_FromSsize_t(op->ob_refcnt);
    PyObject_Free(op);
    return res;
}

PyDoc_STRVAR(quickened_doc,
"quickened(code, /) -> bytes\n\n"
"The instructions of code as the interpreter runs them now.\n"
"code._co_code_adaptive leaves out what this project adds.");

static PyObject *
quickened(PyObject *self, PyObject *arg)
{
    if (!PyCode_Check(arg)) {
        PyErr_SetString(PyExc_TypeError, "argument must be a code object");
        return NULL;
    }
    PyCodeObject *code = (PyCodeObject *)arg;
    return PyBytes_FromStringAndSize(code->co_code_adaptive,
                                     _PyCode_NBYTES(code));
}

/* As an extension declares it: the count starts at 1. */
static PyTypeObject StaticType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_testimmortal.StaticType",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
};

PyDoc_STRVAR(limit_doc,
"limit() -> int\n\nCounts above are passed by, as this module was compiled\n"
"and from about here on the stack.");

static PyObject *
limit(PyObject *self, PyObject *Py_UNUSED(ignored))
{
#if defined(_Py_COUNT_IN_ASSEMBLY) && !defined(Py_REF_DEBUG)
    char here;
    return PyLong_FromVoidPtr(&here);
#else
    return PyLong_FromSsize_t(_Py_IMMORTAL_INCREF_LIMIT - 1);
#endif
}

static PyMethodDef methods[] = {
    {"limit", limit, METH_NOARGS, limit_doc},
    {"refcnt", refcnt, METH_O, refcnt_doc},
    {"is_immortal", is_immortal, METH_O, is_immortal_doc},
    {"set_immortal", set_immortal, METH_O, set_immortal_doc},
    {"drift", drift, METH_VARARGS, drift_doc},
    {"set_refcnt", set_refcnt, METH_VARARGS, set_refcnt_doc},
    {"incref", incref, METH_VARARGS, incref_doc},
    {"decref", decref, METH_VARARGS, decref_doc},
    {"decref_specialized", decref_specialized, METH_VARARGS,
     decref_specialized_doc},
    {"refcnt_add", refcnt_add, METH_VARARGS, refcnt_add_doc},
    {"init_over", init_over, METH_O, init_over_doc},
    {"set_refcnt_over", set_refcnt_over, METH_O, set_refcnt_over_doc},
    {"quickened", quickened, METH_O, quickened_doc},
    {NULL, NULL, 0, NULL}
};

extern int _testimmortal_add_heap(PyObject *module);
extern int _testimmortal_add_half_made(PyObject *module);
extern int _testimmortal_add_exit(PyObject *module);

static int
module_exec(PyObject *module)
{
    if (PyModule_AddType(module, &StaticType) < 0) {
        return -1;
    }
    PyObject *value = PyLong_FromSsize_t(_Py_IMMORTAL_REFCNT);
    int err = value == NULL
              || PyModule_AddObjectRef(module, "REFCNT", value) < 0;
    Py_XDECREF(value);
    if (err) {
        return -1;
    }
    value = PyLong_FromSsize_t(_Py_IMMORTAL_INCREF_LIMIT);
    err = value == NULL
          || PyModule_AddObjectRef(module, "INCREF_LIMIT", value) < 0;
    Py_XDECREF(value);
    if (err || _testimmortal_add_heap(module) < 0 ||
        _testimmortal_add_half_made(module) < 0)
    {
        return -1;
    }
    return _testimmortal_add_exit(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL}
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_testimmortal",
    .m_doc = "Immortal reference counts, for tests.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__testimmortal(void)
{
    return PyModuleDef_Init(&module_def);
}
