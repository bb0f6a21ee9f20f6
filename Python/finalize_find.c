/* Finalization at shutdown: what has a finalizer that did not run. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_immortal_port.h" // _PyPort_WeakrefTarget()
#include "pycore_frame.h"         // FRAME_EXECUTING
#include "pycore_gc_lists.h"      // list_visit()
#include "pycore_immortal_heap.h" // _PyImmortalHeap_HasUntrackedFinalizers()
#include "pycore_interp.h"
#include "pycore_object.h"

int
_PyFinalize_IsPending(PyObject *op, _Py_addrset *finished)
{
    if (Py_TYPE(op)->tp_finalize == NULL) {
        return 0;
    }
    if (_PyObject_IS_GC(op) ? _PyGC_FINALIZED(op)
                            : _Py_addrset_has(finished, op))
    {
        return 0;
    }
    if (PyGen_CheckExact(op) || PyCoro_CheckExact(op) ||
        PyAsyncGen_CheckExact(op))
    {
        int state = ((PyGenObject *)op)->gi_frame_state;
        return state < FRAME_COMPLETED && state != FRAME_EXECUTING;
    }
    return 1;
}

/* One allocation that fails is no reason to give up. */
#define ATTEMPTS 3

int
_PyFinalize_NoteFinished(PyObject *op, _Py_addrset *finished)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        if (_PyObject_IS_GC(op) || _Py_addrset_add(finished, op) >= 0) {
            return 0;
        }
    }
    return -1;
}

/* Can there be instances of type that have a finalizer, but that the collector
   does not track?  For a class that defines __del__ and empty __slots__.  If
   the finalizer is a C type's own (os.scandir()), its mortal instances can
   wait until they are deallocated. */
static int
has_untracked(PyTypeObject *type)
{
    if (type->tp_finalize == NULL || PyType_IS_GC(type)) {
        return 0;
    }
    PyObject *del = _PyType_Lookup(type, &_Py_ID(__del__));
    return del != NULL && !Py_IS_TYPE(del, &PyWrapperDescr_Type);
}

static int
append_pending(_Py_finalize_found *found, PyObject *op)
{
    if (found->n_pending == found->pending_allocated) {
        PyObject **pending = _PyFinalize_Grow(found->pending,
                                              &found->pending_allocated,
                                              sizeof(*pending));
        if (pending == NULL) {
            return -1;
        }
        found->pending = pending;
    }
    found->pending[found->n_pending++] = op;
    return 0;
}

/* Could someone see by the weak reference op whether an object is garbage?
   Each type has one to each of its subclasses, and few classes ever are. */
static int
observes(PyObject *op)
{
    return ((PyWeakReference *)op)->wr_callback != NULL ||
        !PyType_Check(_PyPort_WeakrefTarget(op)) ||
        _PyImmortalHeap_WasExtended();
}

/* Is there something to be called when the mortal object that op refers to is
   garbage?  What C code calls keeps its own tables. */
static int
calls_back(PyObject *op)
{
    PyObject *callback = ((PyWeakReference *)op)->wr_callback;
    return callback != NULL && !PyCFunction_Check(callback);
}

/* The globals of the Python function that callback calls; NULL if it is none,
   or not a plain one.  Borrowed. */
static PyObject *
callback_globals(PyObject *callback)
{
    if (PyMethod_Check(callback)) {
        callback = PyMethod_GET_FUNCTION(callback);
    }
    return PyFunction_Check(callback) ? PyFunction_GET_GLOBALS(callback)
                                      : NULL;
}

/* Is op a weak reference with a callback that the user wrote?  Those of the
   standard library, whose globals are given, only keep its containers tidy. */
static int
is_watcher(PyObject *op, _Py_addrset *stdlib)
{
    PyTypeObject *type = Py_TYPE(op);
    if (type != &_PyWeakref_RefType && type->tp_base != &_PyWeakref_RefType &&
        type != &_PyWeakref_ProxyType)
    {
        return 0;
    }
    PyObject *callback = ((PyWeakReference *)op)->wr_callback;
    if (callback == NULL || PyCFunction_Check(callback) ||
        _PyPort_WeakrefTarget(op) == Py_None)
    {
        return 0;
    }
    PyObject *globals = callback_globals(callback);
    return globals == NULL || !_Py_addrset_has(stdlib, globals);
}

struct search {
    PyInterpreterState *interp;
    _Py_addrset *finished;
    _Py_addrset stdlib;         /* globals of the standard library */
    _Py_finalize_streams streams;
    _Py_finalize_found *found;
};

static int
look_at_weakref(PyObject *op, struct search *s)
{
    if (!_Py_IsImmortal(_PyPort_WeakrefTarget(op))) {
        s->found->weakrefs |= observes(op);
        s->found->callbacks |= calls_back(op);
    }
    else if (_PyImmortalHeap_WasExtended() &&
             _Py_objlist_append(&s->found->observers, op) < 0)
    {
        return -1;
    }
    return is_watcher(op, &s->stdlib) ?
        _Py_objlist_append(&s->found->watchers, op) : 0;
}

/* PyWeakref_Check(), asked of everything there is: most types have no other
   base than object, and it need not be asked of those. */
static inline int
is_weakref(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    if (type->tp_base == &PyBaseObject_Type) {
        return PyWeakref_CheckRefExact(op) || PyWeakref_CheckProxy(op);
    }
    return PyWeakref_Check(op);
}

static int
look_at(PyObject *op, void *arg)
{
    struct search *s = arg;
    if (_PyFinalize_IsPending(op, s->finished)) {
        return _PyFinalize_IsInterpretersStream(s->interp, &s->streams, op) ?
            0 : append_pending(s->found, op);
    }
    if (is_weakref(op)) {
        return look_at_weakref(op, s);
    }
    if (PyType_Check(op) && !s->found->untracked) {
        s->found->untracked = has_untracked((PyTypeObject *)op);
    }
    return 0;
}

int
_PyFinalize_Find(PyInterpreterState *interp,
                 const _Py_finalize_modules *modules, _Py_addrset *finished,
                 _Py_finalize_found *found)
{
    struct search s = {.interp = interp, .finished = finished, .found = found};
    int result = 0;
    memset(found, 0, sizeof(*found));
    found->untracked = _PyImmortalHeap_HasUntrackedFinalizers();
    for (Py_ssize_t i = 0; i < modules->size && result >= 0; i++) {
        if (modules->items[i].kind != _Py_MODULE_USER) {
            result = _Py_addrset_add(&s.stdlib, modules->items[i].dict);
        }
    }
    /* From young to old. */
    for (int i = GC_NUM_LISTS - 1; i >= 0 && result >= 0; i--) {
        result = list_visit(list_of(interp, i), look_at, &s);
    }
    _Py_addrset_clear(&s.stdlib);
    return result < 0 ? -1 : 0;
}

void
_PyFinalize_ClearFound(_Py_finalize_found *found)
{
    PyMem_RawFree(found->pending);
    found->pending = NULL;
    found->n_pending = found->pending_allocated = 0;
    _Py_objlist_clear(&found->watchers);
    _Py_objlist_clear(&found->observers);
}
