/* The extension module: what Python code sees of it. */

#include "glue.h"
#include "pycore_deallocators.h"  // _PyDeallocators_Note()
#include "pycore_immortal_heap.h" // _PyGC_ExtendImmortalHeap()
#include "pycore_pystate.h"       // _PyThreadState_GET()

PyDoc_STRVAR(immortalize_heap_doc,
"immortalize_heap($module, /, *, fill=True, quiet=True, seal=True,\n"
"                 trim=True)\n"
"--\n"
"\n"
"Make every object that is alive immortal, for good; return what was done.\n"
"\n"
"An immortal object is never counted and never freed, so that using it\n"
"leaves its memory shared with a forked process.  Collects garbage as well.\n"
"Only the module __main__ and its dictionary stay mortal, and frames that\n"
"run.  Can be called again, for what was created since.\n"
"\n"
"Prepares memory for a fork, too, in four parts that can be left out: fill\n"
"computes hashes and versions ahead; quiet lets code write itself now that\n"
"would when it first runs; seal and trim take care that later allocations\n"
"use fresh memory, of the small-object allocator and of the C library.\n"
"\n"
"Returns the dict of gc.immortalize_heap() of an interpreter that has it.\n"
"Raises RuntimeError where this cannot be done: nothing is changed then.");

static PyObject *
immortalize_heap(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"fill", "quiet", "seal", "trim", NULL};
    int fill = 1, quiet = 1, seal = 1, trim = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$pppp:immortalize_heap",
                                     keywords, &fill, &quiet, &seal, &trim))
    {
        return NULL;
    }
    PyThreadState *tstate = _PyThreadState_GET();
    if (glue_check_state(tstate) < 0 ||
        PySys_Audit("gc.immortalize_heap", NULL) < 0 ||
        glue_finalize_at_exit(tstate) < 0)
    {
        return NULL;
    }
    struct _Py_immortal_heap_stats stats;
    struct _Py_seal_stats sealed = {0};
    struct _Py_leaf_work work = {fill, 0, &sealed};
    struct _Py_leaf_hook hook = {_PyImmortalHeap_PrepareLeaf, &work};
    _PyDeallocators_Note();
    _PyImmortalHeap_UnsealCHeap();
    if (_PyGC_ExtendImmortalHeap(tstate->interp, glue_collect, NULL, &hook,
                                 &stats) < 0)
    {
        /* What became immortal stays so. */
        _PyImmortalHeap_ClearWork(&work);
        (void)glue_settle_code(tstate->interp);
        return NULL;
    }
    if (fill) {
        _PyImmortalHeap_Fill(tstate->interp, &work);
    }
    _PyImmortalHeap_ClearWork(&work);
    Py_ssize_t settled = glue_settle_code(tstate->interp);
    if (settled < 0) {
        return NULL;
    }
    if (seal) {
        /* What was allocated for objects that have come and gone waits in free
           lists, and would be used again, page by page. */
        (void)glue_collect(NULL);
        _PyObject_SealPools(&sealed);
        sealed.released_bytes += glue_forget_free_pools();
    }
    if ((seal || trim) && glue_trim_after_collections(tstate->interp) < 0) {
        return NULL;
    }
    if (trim) {
        _PyImmortalHeap_SealCHeap(&sealed);
    }
    return Py_BuildValue("{snsnsnsnsnsnsnsnsnsn}",
                         "collected", stats.collected,
                         "frozen", stats.frozen,
                         "immortalized", stats.immortalized,
                         "filled", sealed.filled,
                         "quiet_code", quiet ? settled : 0,
                         "sealed_pools", sealed.sealed_pools,
                         "stranded_blocks", sealed.stranded_blocks,
                         "stranded_bytes", sealed.stranded_bytes,
                         "released_bytes", sealed.released_bytes,
                         "dropped_blocks", sealed.dropped_blocks);
}

PyDoc_STRVAR(check_doc,
"check($module, /)\n"
"--\n"
"\n"
"Raise RuntimeError if immortalize_heap() would, just now.");

static PyObject *
check(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    if (glue_check_state(_PyThreadState_GET()) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(is_immortal_doc,
"is_immortal($module, obj, /)\n"
"--\n"
"\n"
"Return True if obj is immortal: never counted and never freed.");

static PyObject *
is_immortal(PyObject *Py_UNUSED(module), PyObject *obj)
{
    return PyBool_FromLong(_Py_IsImmortal(obj));
}

static PyMethodDef methods[] = {
    {"immortalize_heap", _PyCFunction_CAST(immortalize_heap),
     METH_VARARGS | METH_KEYWORDS, immortalize_heap_doc},
    {"check", check, METH_NOARGS, check_doc},
    {"is_immortal", is_immortal, METH_O, is_immortal_doc},
    {NULL, NULL, 0, NULL}
};

static int
exec_module(PyObject *Py_UNUSED(module))
{
    return glue_check_build();
}

/* A subinterpreter may have the module, and be told by it that the heap is not
   its own. */
static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, exec_module},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {0, NULL}
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "immortal_heap." Py_STRINGIFY(IMMORTAL_HEAP_MODULE),
    .m_doc = "The immortal heap, for one release of CPython.",
    .m_methods = methods,
    .m_slots = slots,
};

#define CONCAT(a, b) a ## b
#define INIT_OF(name) CONCAT(PyInit_, name)

PyMODINIT_FUNC
INIT_OF(IMMORTAL_HEAP_MODULE)(void)
{
    return PyModuleDef_Init(&definition);
}
