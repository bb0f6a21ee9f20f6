/* Finalization at shutdown: callbacks of weak references that cannot do what
   they are there for, since something is cut off from what they need
   (finalize_release.c).

   The user's were called, or taken away (finalize_weakrefs.c); those of the
   standard library keep its containers tidy. */

#include "Python.h"
#include "pycore_finalize_release.h"

/* Does function need one of holders, to which it refers as to its defaults,
   its variables, or what it is a method of? */
static int
needs(PyObject *function, _Py_addrset *holders)
{
    while (PyMethod_Check(function)) {
        if (_Py_addrset_has(holders, PyMethod_GET_SELF(function))) {
            return 1;
        }
        function = PyMethod_GET_FUNCTION(function);
    }
    if (!PyFunction_Check(function)) {
        return _Py_addrset_has(holders, function);
    }
    PyFunctionObject *f = (PyFunctionObject *)function;
    Py_ssize_t n = f->func_closure == NULL ? 0 :
        PyTuple_GET_SIZE(f->func_closure);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (_Py_addrset_has(holders, PyTuple_GET_ITEM(f->func_closure, i))) {
            return 1;
        }
    }
    return _Py_addrset_has(holders, f->func_defaults) ||
        _Py_addrset_has(holders, f->func_kwdefaults);
}

void
_PyFinalize_TakeCallbacks(_Py_objlist *callers, _Py_addrset *holders)
{
    for (Py_ssize_t i = 0; i < callers->size; i++) {
        PyWeakReference *ref = (PyWeakReference *)callers->items[i];
        if (ref->wr_callback != NULL && needs(ref->wr_callback, holders)) {
            Py_CLEAR(ref->wr_callback);
        }
    }
}
