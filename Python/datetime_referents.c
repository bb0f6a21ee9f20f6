/* What objects of the datetime module hold, as its C API and its own methods
   tell. */

#include "Python.h"
#include "datetime.h"             // PyDateTime_CAPI
#include "pycore_datetime.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Find()

int
_PyDatetime_Find(PyObject *modules)
{
    PyObject *module = NULL, *capsule = NULL;
    if (modules != NULL && PyDict_Check(modules)) {
        module = _PyDictWalk_Find(modules, "_datetime");
    }
    if (module != NULL && PyModule_Check(module)) {
        capsule = _PyDictWalk_Find(PyModule_GetDict(module),
                                   "datetime_CAPI");
    }
    PyDateTimeAPI = NULL;
    if (capsule != NULL &&
        PyCapsule_IsValid(capsule, PyDateTime_CAPSULE_NAME))
    {
        PyDateTimeAPI = PyCapsule_GetPointer(capsule,
                                             PyDateTime_CAPSULE_NAME);
    }
    return PyDateTimeAPI != NULL;
}

/* A timezone says what it was made of, for pickle.  Its type cannot be
   subclassed: this is C code that makes a tuple and does nothing else.  No
   collection may begin just now, as it could for the tuple. */
static int
visit_timezone(PyObject *op, void (*visit)(PyObject *, void *), void *arg)
{
    PyMethodDef *method = Py_TYPE(op)->tp_methods;
    while (method != NULL && method->ml_name != NULL &&
           strcmp(method->ml_name, "__getinitargs__") != 0)
    {
        method++;
    }
    if (method == NULL || method->ml_name == NULL) {
        return 0;
    }
    int enabled = PyGC_Disable();
    PyObject *args = method->ml_meth(op, NULL);
    if (enabled) {
        PyGC_Enable();
    }
    if (args == NULL) {
        PyErr_Clear();
        return -1;
    }
    PyObject *held[2] = {NULL, NULL};       /* op has a reference to each */
    for (Py_ssize_t i = 0; i < Py_MIN(PyTuple_GET_SIZE(args), 2); i++) {
        held[i] = PyTuple_GET_ITEM(args, i);
    }
    Py_DECREF(args);
    visit(held[0], arg);
    visit(held[1], arg);
    return 0;
}

int
_PyDatetime_Visit(PyObject *op, void (*visit)(PyObject *, void *), void *arg)
{
    if (Py_TYPE(op) == Py_TYPE(PyDateTime_TimeZone_UTC)) {
        return visit_timezone(op, visit, arg);
    }
    for (PyTypeObject *type = Py_TYPE(op); type; type = type->tp_base) {
        if (type == PyDateTimeAPI->DateTimeType) {
            visit(PyDateTime_DATE_GET_TZINFO(op), arg);
            break;
        }
        if (type == PyDateTimeAPI->TimeType) {
            visit(PyDateTime_TIME_GET_TZINFO(op), arg);
            break;
        }
    }
    return 0;
}
