/* Finalization at shutdown: the user's modules are let go of.

   All finalizers ran.  What is left to be done is to deallocate, for those
   types whose deallocators do something that anyone could notice.  Where there
   cannot be such a type, and the process ends with the interpreter, nothing is
   deallocated: the system takes the memory back faster.

   Otherwise modules are let go of as finalize_modules() does it, by taking
   them out of sys.modules, but with the standard library still in place.
   What only they held is freed by counting, or by the collector; wiping a
   namespace that is garbage has the same effect and is faster.  A namespace
   that something else holds, be it a frame of a suspended greenlet, stays as
   it is. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc.h"            // _PyGC_CollectNoFail()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_heap.h" // _PyImmortalHeap_LeaveAlone()
#include "pycore_immortal_port.h" // _PyPort_Modules()
#include "pycore_interp.h"
#include "pycore_moduleobject.h"  // PyModuleObject
#include "pycore_object.h"        // _PyModule_ClearDict()

int
_PyFinalize_CanLeaveAll(void)
{
    return _PyImmortalHeap_LeaveAlone() && !_PyDeallocators_Work();
}

static void
take_out(PyInterpreterState *interp, _Py_finalize_module *m, int verbose)
{
    if (verbose) {
        PySys_FormatStderr("# cleanup[2] removing %S\n", m->name);
    }
    if (PyObject_SetItem(_PyPort_Modules(interp), m->name, Py_None) < 0) {
        PyErr_WriteUnraisable(NULL);
    }
}

/* Take a user module out of sys.modules, and keep it as it is for good. */
static void
leave(PyInterpreterState *interp, _Py_finalize_module *m, int verbose)
{
    if (m->kind == _Py_MODULE_USER) {
        Py_INCREF(m->object);
        take_out(interp, m, verbose);
    }
}

/* Take a user module out of sys.modules.  Its namespace remains in m->dict, a
   strong reference now, and in m->object what is for wipe_if_alive(): a weak
   reference to the module, itself if it is immortal, or None. */
static void
let_go(PyInterpreterState *interp, _Py_finalize_module *m, int verbose)
{
    PyObject *left = Py_NewRef(Py_None);
    if (m->dict != NULL) {
        Py_INCREF(m->dict);
        Py_SETREF(left, _Py_IsImmortal(m->object) ?
                        Py_NewRef(m->object) :
                        PyWeakref_NewRef(m->object, NULL));
        if (left == NULL) {
            PyErr_WriteUnraisable(NULL);
            left = Py_NewRef(Py_None);
        }
    }
    take_out(interp, m, verbose);
    Py_SETREF(m->object, left);
}

static void
wipe(_Py_finalize_module *m, int verbose)
{
    if (verbose) {
        PySys_FormatStderr("# cleanup[3] wiping %S\n", m->name);
    }
    _PyModule_ClearDict(m->dict);
}

/* Wipe namespaces, newest first, that nothing holds any more but the list of
   modules: no function of the module's is left. */
static void
wipe_unheld(_Py_finalize_modules *modules, int verbose)
{
    for (Py_ssize_t i = 0; i < modules->size; i++) {
        _Py_finalize_module *m = &modules->items[i];
        if (m->kind == _Py_MODULE_USER && m->dict != NULL &&
            Py_REFCNT(m->dict) == 1)
        {
            wipe(m, verbose);
            Py_CLEAR(m->dict);
        }
    }
}

/* Wipe namespaces, newest first, that nothing holds but functions of their own
   that are garbage, too. */
static void
wipe_garbage(PyInterpreterState *interp, _Py_finalize_modules *modules,
             int verbose)
{
    PyObject **dicts = PyMem_RawMalloc((modules->size + 1) * sizeof(*dicts));
    Py_ssize_t n = 0;
    for (Py_ssize_t i = 0; i < modules->size && dicts != NULL; i++) {
        _Py_finalize_module *m = &modules->items[i];
        if (m->kind == _Py_MODULE_USER && m->dict != NULL) {
            dicts[n++] = m->dict;
        }
    }
    if (dicts == NULL || n == 0 ||
        _PyFinalize_FindGarbage(interp, dicts, n) < 0)
    {
        PyMem_RawFree(dicts);
        return;
    }
    n = 0;
    for (Py_ssize_t i = 0; i < modules->size; i++) {
        _Py_finalize_module *m = &modules->items[i];
        if (m->kind == _Py_MODULE_USER && m->dict != NULL &&
            dicts[n++] == NULL)
        {
            wipe(m, verbose);
        }
    }
    PyMem_RawFree(dicts);
}

/* Wipe the namespace of a module that is still alive, as finalize_modules()
   does.  If something immortal may be all that keeps it alive, that is only
   done if Py_Initialize() may be called again, and mortal objects would pile
   up there. */
static void
wipe_if_alive(_Py_finalize_module *m, int verbose)
{
    PyObject *module = m->object;
    if (PyWeakref_CheckRef(module)) {
        module = _PyPort_WeakrefTarget(module);
    }
    int holds = _Py_IsImmortal(module) || _PyImmortalHeap_WasExtended();
    if (module != Py_None && !(holds && _PyImmortalHeap_LeaveAlone())) {
        wipe(m, verbose);
    }
}

void
_PyFinalize_DropModules(_Py_finalize_modules *modules)
{
    if (modules->dropped) {
        return;
    }
    modules->dropped = 1;
    for (Py_ssize_t i = 0; i < modules->size; i++) {
        modules->items[i].dict = NULL;
        Py_CLEAR(modules->items[i].object);
    }
}

void
_PyFinalize_ClearModules(PyThreadState *tstate,
                         _Py_finalize_modules *modules, int verbose)
{
    PyInterpreterState *interp = tstate->interp;
    if (modules->dropped) {
        /* Finalizers ran to the last.  Without memory, finalize_modules() does
           all that is to be done. */
        _PyFinalize_FreeModules(modules);
        if (_PyFinalize_ListModules(interp, modules) < 0) {
            PyErr_Clear();
            _PyFinalize_FreeModules(modules);
        }
    }
    if (_PyFinalize_CanLeaveAll()) {
        for (Py_ssize_t i = 0; i < modules->size; i++) {
            leave(interp, &modules->items[i], verbose);
        }
        return;
    }
    /* What immortal functions hold would pile up as well. */
    int wipe_all = _PyImmortalHeap_Exists() && !_PyImmortalHeap_LeaveAlone();
    for (Py_ssize_t i = 0; i < modules->size; i++) {
        _Py_finalize_module *m = &modules->items[i];
        if (m->kind == _Py_MODULE_USER) {
            if (wipe_all && m->dict != NULL) {
                wipe(m, verbose);
            }
            let_go(interp, m, verbose);
        }
    }
    wipe_unheld(modules, verbose);
    wipe_garbage(interp, modules, verbose);
    _PyGC_CollectNoFail(tstate);
    for (Py_ssize_t i = 0; i < modules->size; i++) {
        _Py_finalize_module *m = &modules->items[i];
        if (m->kind == _Py_MODULE_USER && m->dict != NULL) {
            wipe_if_alive(m, verbose);
            Py_CLEAR(m->dict);
        }
    }
}
