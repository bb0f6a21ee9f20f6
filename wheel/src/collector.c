/* The extension: what the shared files want of the collector that it keeps to
   itself. */

#include "glue.h"
#include "pycore_finalize_steps.h" // _PyGC_LeftCallbacks()
#include "pycore_gc_lists.h"      // list_visit()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_heap.h" // _PyGC_CountExternal()
#include "pycore_immortal_port.h" // _PyPort_GeneratorFrame()
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()
#include "pycore_weakref.h"       // _PyWeakref_ClearRef()

Py_ssize_t
glue_collect(void *Py_UNUSED(unused))
{
    int enabled = PyGC_Enable();
    Py_ssize_t n = PyGC_Collect();
    if (!enabled) {
        PyGC_Disable();
    }
    return n;
}

void
_PyGC_CollectNoFail(PyThreadState *Py_UNUSED(tstate))
{
    (void)glue_collect(NULL);
}

#define ONE_REFERENCE ((uintptr_t)1 << _PyGC_PREV_SHIFT)

/* Is op counted just now, and so collected only if the count says so? */
static inline int
is_counted(PyObject *op)
{
    return _PyObject_IS_GC(op) &&
        (_Py_AS_GC(op)->_gc_prev & _PyGC_PREV_MASK_COLLECTING);
}

static int
begin_count(PyObject *op, void *Py_UNUSED(arg))
{
    PyGC_Head *gc = _Py_AS_GC(op);
    gc->_gc_prev = (gc->_gc_prev & _PyGC_PREV_MASK_FINALIZED) |
        _PyGC_PREV_MASK_COLLECTING |
        ((uintptr_t)Py_REFCNT(op) << _PyGC_PREV_SHIFT);
    return 0;
}

static int
subtract(PyObject *op, void *Py_UNUSED(arg))
{
    if (is_counted(op)) {
        _Py_AS_GC(op)->_gc_prev -= ONE_REFERENCE;
    }
    return 0;
}

static void
add_back(_PyStackRef ref)
{
    if (!PyStackRef_IsNullOrInt(ref) && !PyStackRef_RefcountOnObject(ref)) {
        PyObject *op = PyStackRef_AsPyObjectBorrow(ref);
        if (is_counted(op)) {
            _Py_AS_GC(op)->_gc_prev += ONE_REFERENCE;
        }
    }
}

/* The frame whose references the tp_traverse of op shows, or NULL.  Among
   these may be some that are not counted; the collector passes them by, which
   it knows by its own visitor. */
static _PyInterpreterFrame *
shown_frame(PyObject *op)
{
    if (PyFrame_Check(op)) {
        _PyInterpreterFrame *frame = ((PyFrameObject *)op)->f_frame;
        return frame->owner == FRAME_OWNED_BY_FRAME_OBJECT ? frame : NULL;
    }
    return _PyPort_GeneratorFrame(op);
}

static int
subtract_held(PyObject *op, void *Py_UNUSED(arg))
{
    Py_TYPE(op)->tp_traverse(op, subtract, NULL);
    _PyInterpreterFrame *frame = shown_frame(op);
    if (frame != NULL && frame->stackpointer != NULL) {
        _PyStackRef *ref = frame->localsplus;
        for (; ref < frame->stackpointer; ref++) {
            add_back(*ref);
        }
        add_back(frame->f_funcobj);
        add_back(frame->f_executable);
    }
    return 0;
}

/* Move what is immortal from list to where such objects are. */
static void
take_immortals_out(PyGC_Head *list)
{
    PyGC_Head *next;
    for (PyGC_Head *gc = _PyGCHead_NEXT(list); gc != list; gc = next) {
        next = _PyGCHead_NEXT(gc);
        if (_Py_IsImmortal((PyObject *)(gc + 1))) {
            list_remove(gc);
            _PyImmortalHeap_Adopt(gc);
        }
    }
}

void
_PyGC_CountExternal(PyGC_Head *list)
{
    take_immortals_out(list);
    (void)list_visit(list, begin_count, NULL);
    (void)list_visit(list, subtract_held, NULL);
}

/* Clear the weak references to op, which is garbage.  Those that are not
   garbage themselves, and have a callback, go to calls, with a reference each.
   Without memory, there is no call. */
static void
clear_references(PyObject *op, _Py_objlist *calls)
{
    PyWeakReference **first =
        (PyWeakReference **)_PyObject_GET_WEAKREFS_LISTPTR(op);
    while (*first != NULL) {
        PyWeakReference *ref = *first;
        _PyWeakref_ClearRef(ref);
        if (ref->wr_callback != NULL && !is_counted((PyObject *)ref)) {
            (void)_Py_objlist_append(calls, (PyObject *)ref);
        }
    }
}

static int
handle_one(PyObject *op, void *calls)
{
    if (PyWeakref_Check(op)) {
        /* Its callback, which is garbage, must not be called. */
        _PyWeakref_ClearRef((PyWeakReference *)op);
    }
    if (PyType_SUPPORTS_WEAKREFS(Py_TYPE(op))) {
        clear_references(op, calls);
    }
    return 0;
}

void
_PyGC_HandleWeakrefs(PyThreadState *Py_UNUSED(tstate), PyGC_Head *unreachable,
                     PyGC_Head *Py_UNUSED(old))
{
    _Py_objlist calls = {0};
    (void)list_visit(unreachable, handle_one, &calls);
    for (Py_ssize_t i = 0; i < calls.size; i++) {
        PyObject *ref = calls.items[i];
        PyObject *callback = Py_XNewRef(((PyWeakReference *)ref)->wr_callback);
        PyObject *result = callback == NULL ? Py_NewRef(Py_None) :
            PyObject_CallOneArg(callback, ref);
        if (result == NULL) {
            PyErr_FormatUnraisable("Exception ignored on calling weakref "
                                   "callback %R", callback);
        }
        Py_XDECREF(result);
        Py_XDECREF(callback);
    }
    _Py_objlist_clear(&calls);
}

/* The lists of a collection whose thread was stopped are on that
   thread's stack, and nobody knows where: what is on them is lost, as
   without the extension. */
void
_PyGC_TakeBack(PyThreadState *Py_UNUSED(tstate))
{
}

_Py_objlist *
_PyGC_LeftCallbacks(void)
{
    static _Py_objlist none;
    return &none;
}
