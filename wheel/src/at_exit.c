/* The extension: finalization, where nothing calls it.

   Finalizers have to run before anything is cleared, when no other thread
   runs any more.  Of what an interpreter calls at that time, two things are
   in reach:

   - the collection that finalization begins with calls gc.callbacks.  A
     function is put there at the last moment, by the last of the functions of
     atexit, which also switches collections on; so no program can have taken
     it out;
   - what comes next takes the caches of imports away from sys, and whoever
     watches that dictionary is told first.  That is for a program that has
     cleared atexit, or that has a thread in the middle of a collection.

   What was let go of by then need not be cleared, and the rest goes with the
   process: without sys.modules, finalization has no modules to clear.  That
   would cost a forked process a copy of nearly all it has in common with
   its parent.  Nor are strings made mortal again, which what is immortal
   refers to. */

#include "glue.h"
#include "pycore_finalize.h"      // _PyFinalize_Interpreter()
#include "pycore_gc.h"            // _PyGC_SET_FINALIZED()
#include "pycore_immortal_heap.h" // _PyImmortalHeap_ProcessEnds()
#include "pycore_immortal_port.h" // glue_set_quiet()
#include "pycore_interp.h"        // PyInterpreterState.atexit
#include "pycore_object.h"
#include "pycore_pylifecycle.h"
#include "pycore_pystate.h"       // _PyRuntimeState_GetFinalizing()
#include "pycore_runtime.h"       // _PyRuntime

static struct {
    int installed;
    int enabled;        /* were automatic collections? -1: not known */
    int done;
} state = {.enabled = -1};

/* Flush sys.NAME.  Returns 0, or -1 with an exception set. */
static int
flush_one(const char *name)
{
    PyObject *file = PySys_GetObject(name);
    if (file == NULL || file == Py_None) {
        return 0;
    }
    Py_INCREF(file);
    PyObject *closed = PyObject_GetAttrString(file, "closed");
    int is_closed = closed == NULL ? 0 : PyObject_IsTrue(closed);
    Py_XDECREF(closed);
    PyErr_Clear();
    PyObject *result = is_closed > 0 ? Py_NewRef(Py_None) :
        PyObject_CallMethod(file, "flush", NULL);
    if (result == NULL && _PyFinalize_IsReplaced(file)) {
        PyErr_Clear();
        result = Py_NewRef(Py_None);
    }
    Py_DECREF(file);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int
flush(void)
{
    int status = 0;
    if (flush_one("stdout") < 0) {
        PyErr_FormatUnraisable("Exception ignored while flushing sys.stdout");
        status = -1;
    }
    if (flush_one("stderr") < 0) {
        PyErr_Clear();
        status = -1;
    }
    return status;
}

/* Interned strings that are immortal stay so, and in a dictionary that nobody
   looks at any more.  The others, which look for themselves when they are
   deallocated, get another one.  Without memory it stays as it is. */
static void
keep_strings_interned(PyInterpreterState *interp)
{
    PyObject *all = interp->cached_objects.interned_strings;
    PyObject *mortal = all == NULL ? NULL : PyDict_New();
    PyObject *string, *value;
    Py_ssize_t pos = 0;
    while (mortal != NULL && PyDict_Next(all, &pos, &string, &value)) {
        if (PyUnicode_CHECK_INTERNED(string) != SSTATE_INTERNED_MORTAL) {
            continue;
        }
        if (PyDict_SetItem(mortal, string, string) < 0) {
            PyErr_Clear();
            return;
        }
        /* The dictionary's two are in no count. */
        Py_SET_REFCNT(string, Py_REFCNT(string) - 2);
    }
    if (mortal != NULL) {
        interp->cached_objects.interned_strings = mortal;
    }
    PyErr_Clear();
}

/* What there is of a status, for a process whose finalization gets stuck: that
   of sys.exit() is not to be known. */
static int
likely_status(void)
{
    return PySys_GetObject("last_exc") != NULL ? 1 : 0;
}

static PyObject *
report_nothing(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unraisable))
{
    Py_RETURN_NONE;
}

static PyMethodDef report_nothing_method = {
    "unraisablehook", report_nothing, METH_O, NULL
};

/* Who reports exceptions asks nobody else than sys.unraisablehook. */
void
glue_set_quiet(int on)
{
    static PyObject *replaced = NULL;
    PyObject *hook;
    if (on) {
        Py_XSETREF(replaced, Py_XNewRef(PySys_GetObject("unraisablehook")));
        hook = PyCFunction_New(&report_nothing_method, NULL);
    }
    else {
        hook = replaced;
        replaced = NULL;
    }
    if (hook != NULL) {
        (void)PySys_SetObject("unraisablehook", hook);
        Py_DECREF(hook);
    }
    PyErr_Clear();
}

/* The calling thread is the only one that runs Python code, and nothing has
   been cleared. */
static void
finalize(PyThreadState *tstate)
{
    PyInterpreterState *interp = tstate->interp;
    struct _gc_runtime_state *gc = &interp->gc;
    int collecting = gc->collecting;
    state.done = 1;
    if (state.enabled >= 0) {
        gc->enabled = state.enabled;
    }
    /* Collections can run; none does, but for the one that calls, which has
       not begun, and one of a thread that was stopped. */
    gc->collecting = 0;
    _PyImmortalHeap_ProcessEnds();
    _PyFinalize_SetExitStatus(likely_status());
    _PyFinalize_Interpreter(tstate, flush, 0);
    gc->collecting = collecting;
    keep_strings_interned(interp);
}

/* A program's own sys.stdout may write to the interpreter's, which is
   flushed last: by stock, which tells if that fails, or here, where nobody
   is to be told. */
static void
restore_streams(void)
{
    static const char *const names[][2] = {
        {"stdin", "__stdin__"},
        {"stdout", "__stdout__"},
        {"stderr", "__stderr__"},
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *own = PySys_GetObject(names[i][1]);
        /* One that was detached cannot be flushed. */
        PyObject *closed = own == NULL || own == Py_None ? NULL :
            PyObject_GetAttrString(own, "closed");
        int can_flush = closed != NULL;
        Py_XDECREF(closed);
        PyErr_Clear();
        (void)PySys_SetObject(names[i][0], can_flush ? own : Py_None);
        if (can_flush && _PyFinalize_IsReplaced(own)) {
            (void)flush_one(names[i][0]);
            (void)PySys_SetObject(names[i][0], Py_None);
        }
        PyErr_Clear();
    }
}

/* No module has been cleared yet, and none need be; but in between is told
   what could not be collected. */
static void
leave_modules(PyInterpreterState *interp)
{
    PyObject *garbage = interp->gc.garbage;
    if (garbage == NULL || PyList_GET_SIZE(garbage) == 0) {
        interp->imports.modules = NULL;
        restore_streams();
        /* Without modules, stock has nowhere to report to. */
        glue_set_quiet(1);
    }
}

static int
is_time(PyThreadState *tstate)
{
    return !state.done && _Py_IsMainInterpreter(tstate->interp) &&
        _PyRuntimeState_GetFinalizing(&_PyRuntime) == tstate;
}

static PyObject *
on_collection(PyObject *Py_UNUSED(self), PyObject *const *Py_UNUSED(args),
              Py_ssize_t Py_UNUSED(nargs))
{
    PyThreadState *tstate = _PyThreadState_GET();
    if (is_time(tstate)) {
        finalize(tstate);
        leave_modules(tstate->interp);
    }
    Py_RETURN_NONE;
}

/* The first of the keys that are changed, for which there may have been no
   memory.  After that, modules are on their way out. */
static int
is_first(PyObject *key)
{
    return key != NULL && PyUnicode_Check(key) &&
        PyUnicode_CompareWithASCIIString(key, "path_importer_cache") == 0;
}

static int
on_change(PyDict_WatchEvent Py_UNUSED(event), PyObject *Py_UNUSED(dict),
          PyObject *key, PyObject *Py_UNUSED(value))
{
    PyThreadState *tstate = _PyThreadState_GET();
    if (is_time(tstate)) {
        PyObject *exc = PyErr_GetRaisedException();
        finalize(tstate);
        PyErr_SetRaisedException(exc);
        if (is_first(key)) {
            leave_modules(tstate->interp);
        }
    }
    return 0;
}

static PyMethodDef on_collection_method = {
    "immortal_heap_finalize", _PyCFunction_CAST(on_collection), METH_FASTCALL,
    NULL
};

/* A frame runs the __del__ of its first argument: keep in mind that it did.
   Where the interpreter does not come from the collector, it only does so when
   it is done. */
static void
note_finalizer(_PyInterpreterFrame *frame)
{
    PyObject *function = _PyPort_FrameFunction(frame);
    PyObject *op = _PyPort_FrameSlots(frame, 0) > 0 ?
        _PyPort_FrameSlot(frame, 0) : NULL;
    if (function == NULL || op == NULL || !_PyObject_IS_GC(op) ||
        Py_TYPE(op)->tp_finalize == NULL)
    {
        return;
    }
    if (_PyType_Lookup(Py_TYPE(op), &_Py_ID(__del__)) == function) {
        _PyGC_SET_FINALIZED(op);
    }
}

static void
note_finalizers(PyThreadState *tstate)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(tstate->interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        _PyInterpreterFrame *frame = ts == tstate ? NULL : _PyPort_Frame(ts);
        for (; frame != NULL; frame = frame->previous) {
            note_finalizer(frame);
        }
    }
}

/* The last of the functions of atexit.  Other threads still run. */
static PyObject *
at_exit(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    PyThreadState *tstate = _PyThreadState_GET();
    PyInterpreterState *interp = tstate->interp;
    if (!_Py_IsMainInterpreter(interp)) {
        Py_RETURN_NONE;
    }
    PyObject *function = PyCFunction_New(&on_collection_method, NULL);
    if (function == NULL ||
        PyList_Insert(interp->gc.callbacks, 0, function) < 0)
    {
        Py_XDECREF(function);
        return NULL;
    }
    Py_DECREF(function);
    /* A program may call such functions itself, and go on. */
    if (interp->finalizing) {
        state.enabled = PyGC_Enable();
        /* Stacks of threads cannot be seen any more once these are stopped. */
        note_finalizers(tstate);
        _PyFinalize_ThreadsStop(tstate);
    }
    Py_RETURN_NONE;
}

static PyMethodDef at_exit_method = {
    "immortal_heap_at_exit", at_exit, METH_NOARGS, NULL
};

/* After all that is registered already, and all that will be: these functions
   are called from the first to the last, and new ones become the first. */
static int
append_to_atexit(PyInterpreterState *interp)
{
    PyObject *function = PyCFunction_New(&at_exit_method, NULL);
    PyObject *entry = function == NULL ? NULL :
        Py_BuildValue("O()O", function, Py_None);
    int result = entry == NULL ? -1 :
        PyList_Append(interp->atexit.callbacks, entry);
    Py_XDECREF(function);
    Py_XDECREF(entry);
    return result;
}

/* Without a place for one more watcher, there is none. */
static void
watch_sys(PyInterpreterState *interp)
{
    int watcher = PyDict_AddWatcher(on_change);
    if (watcher >= 0) {
        (void)PyDict_Watch(watcher, interp->sysdict);
    }
    PyErr_Clear();
}

int
glue_finalize_at_exit(PyThreadState *tstate)
{
    if (glue_find_io_types() < 0 || glue_make_sentinel_type() < 0) {
        return -1;
    }
    if (state.installed) {
        return 0;
    }
    if (append_to_atexit(tstate->interp) < 0) {
        return -1;
    }
    watch_sys(tstate->interp);
    state.installed = 1;
    return 0;
}
