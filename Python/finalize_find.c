/* Finalization at shutdown: what has a finalizer that did not run. */

#include "Python.h"
#include "pycore_finalize.h"
#include "pycore_frame.h"         // FRAME_EXECUTING
#include "pycore_gc.h"            // PyGC_Head
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

/* Could someone see by the weak reference op whether an object is garbage?  Each
   type has one to each of its subclasses, and few classes ever are. */
static int
observes(PyObject *op)
{
    return ((PyWeakReference *)op)->wr_callback != NULL ||
        !PyType_Check(PyWeakref_GET_OBJECT(op)) ||
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

static int
find_in_list(PyInterpreterState *interp, PyGC_Head *head,
             _Py_addrset *finished, _Py_addrset *stdlib,
             _Py_finalize_found *found)
{
    PyGC_Head *gc = _PyGCHead_NEXT(head);
    for (; gc != head; gc = _PyGCHead_NEXT(gc)) {
        PyObject *op = (PyObject *)(gc + 1);
        int result = 0;
        if (_PyFinalize_IsPending(op, finished)) {
            if (!_PyFinalize_IsInterpretersStream(interp, op)) {
                result = append_pending(found, op);
            }
        }
        else if (PyWeakref_Check(op)) {
            if (!_Py_IsImmortal(PyWeakref_GET_OBJECT(op))) {
                found->weakrefs |= observes(op);
                found->callbacks |= calls_back(op);
            }
            else if (_PyImmortalHeap_WasExtended()) {
                result = _Py_objlist_append(&found->observers, op);
            }
            if (result == 0 && _PyFinalize_IsWatcher(op, stdlib)) {
                result = _Py_objlist_append(&found->watchers, op);
            }
        }
        else if (PyType_Check(op) && !found->untracked) {
            found->untracked = has_untracked((PyTypeObject *)op);
        }
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}

int
_PyFinalize_Find(PyInterpreterState *interp,
                 const _Py_finalize_modules *modules, _Py_addrset *finished,
                 _Py_finalize_found *found)
{
    _Py_addrset stdlib = {0};
    int result = 0;
    memset(found, 0, sizeof(*found));
    found->untracked = _PyImmortalHeap_HasUntrackedFinalizers();
    for (Py_ssize_t i = 0; i < modules->size && result >= 0; i++) {
        if (modules->items[i].kind != _Py_MODULE_USER) {
            result = _Py_addrset_add(&stdlib, modules->items[i].dict);
        }
    }
    for (int i = _PyFinalize_NUM_LISTS - 1; i >= 0 && result >= 0; i--) {
        result = find_in_list(interp, _PyFinalize_List(interp, i), finished,
                              &stdlib, found);
    }
    _Py_addrset_clear(&stdlib);
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
