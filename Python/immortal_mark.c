/* The immortal heap: the walk that marks it.

   One pass over the collector's lists.  A container that is on a list is
   expanded when the pass comes to it; what the collector does not track
   (strings, untracked tuples and dictionaries, code) is expanded from an
   explicit stack, so that no depth of nesting costs C stack. */

#include "Python.h"
#include "pycore_frame.h"         // _PyInterpreterFrame
#include "pycore_gc.h"            // PyGC_Head
#include "pycore_immortal_heap.h"
#include "pycore_immortal_mark.h"
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyObject_IS_GC()

/* Set for good when an object becomes immortal that has a finalizer, but no
   place on a list where it could be found at shutdown. */
static int untracked_finalizers = 0;

int
_PyImmortalHeap_HasUntrackedFinalizers(void)
{
    return untracked_finalizers;
}

static void
push(struct _Py_marker *m, PyObject *op)
{
    if (m->size == m->allocated) {
        Py_ssize_t allocated = m->allocated ? 2 * m->allocated : 256;
        PyObject **stack = PyMem_RawRealloc(m->stack,
                                            allocated * sizeof(*stack));
        if (stack == NULL) {
            m->no_memory = 1;
            return;
        }
        m->stack = stack;
        m->allocated = allocated;
    }
    m->stack[m->size++] = op;
}

/* Is op the object of a frame that runs, or is suspended in a generator?
   It takes the frame's locals over when the frame ends, if anything else
   holds it, which is decided by its count (_PyFrame_Clear()): immortal, it
   would keep them for ever. */
static inline int
is_running_frame(PyObject *op)
{
    return PyFrame_Check(op) &&
        ((PyFrameObject *)op)->f_frame->owner != FRAME_OWNED_BY_FRAME_OBJECT;
}

void
_PyMarker_MarkMortal(PyObject *op, struct _Py_marker *m)
{
    PyTypeObject *type = Py_TYPE(op);
    if (Py_REFCNT(op) <= 0) {
        /* It is being deallocated, and a tp_traverse showed a reference that
           it does not own. */
        return;
    }
    if (type == &PyUnicode_Type || type == &PyBytes_Type ||
        type == &PyLong_Type)
    {
        _Py_MakeImmortal(op);
        m->marked++;
        return;
    }
    if (op == m->spared[0] || op == m->spared[1] || is_running_frame(op)) {
        return;
    }
    _Py_MakeImmortal(op);
    m->marked++;
    int is_gc = _PyObject_IS_GC(op);
    if (type->tp_finalize != NULL && !is_gc) {
        untracked_finalizers = 1;
    }
    if (is_gc && _PyObject_GC_IS_TRACKED(op) && !m->alive_only) {
        /* It is on a list, and the pass comes to it.  (Or on the list of a
           subinterpreter, whose heap is not ours to mark.) */
        return;
    }
    push(m, op);
}

static void
drain(struct _Py_marker *m)
{
    while (m->size > 0) {
        PyObject *op = m->stack[--m->size];
        int tracked = _PyObject_IS_GC(op) && _PyObject_GC_IS_TRACKED(op);
        if (tracked) {
            _Py_AS_GC(op)->_gc_prev &= ~_PyGC_PREV_MASK_COLLECTING;
        }
        _PyMarker_Expand(op, m, tracked);
    }
}

/* Static types are on no list: go down the tree of tp_base from object.  A
   type with several bases is met under each, and followed under its tp_base
   only. */
static void
mark_static_types(struct _Py_marker *m)
{
    struct _Py_marker todo = {.spared = m->spared};
    push(&todo, (PyObject *)&PyBaseObject_Type);
    while (todo.size > 0) {
        PyTypeObject *type = (PyTypeObject *)todo.stack[--todo.size];
        if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
            _PyMarker_ExpandType(type, m);
        }
        PyObject *ref;
        Py_ssize_t pos = 0;
        while (type->tp_subclasses != NULL &&
               PyDict_Next(type->tp_subclasses, &pos, NULL, &ref))
        {
            PyObject *child = PyWeakref_GET_OBJECT(ref);
            if (PyType_Check(child) &&
                ((PyTypeObject *)child)->tp_base == type)
            {
                push(&todo, child);
            }
        }
    }
    PyMem_RawFree(todo.stack);
    m->no_memory |= todo.no_memory;
}

/* Frames that run are on no list.  Above the locals, the evaluation stack of
   the innermost one is in a register of the interpreter loop, out of sight;
   stacktop is -1 then. */
static void
mark_frames(PyInterpreterState *interp, struct _Py_marker *m)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        _PyInterpreterFrame *f = ts->cframe->current_frame;
        for (; f != NULL; f = f->previous) {
            int n = f->stacktop;
            if (n < 0) {
                n = f->f_code->co_nlocalsplus;
            }
            for (int i = 0; i < n; i++) {
                _PyMarker_Mark(f->localsplus[i], m);
            }
            _PyMarker_Mark((PyObject *)f->f_func, m);
            _PyMarker_Mark((PyObject *)f->f_code, m);
            _PyMarker_Mark(f->f_locals, m);
        }
    }
}

/* Mark what is on a list.

   alive_only -- as for _PyImmortalHeap_Mark(). */
static void
mark_list(PyGC_Head *head, struct _Py_marker *m, int alive_only)
{
    PyGC_Head *gc = _PyGCHead_NEXT(head);
    for (; gc != head && !m->no_memory; gc = _PyGCHead_NEXT(gc)) {
        PyObject *op = (PyObject *)(gc + 1);
        if (alive_only) {
            uintptr_t refs = gc->_gc_prev >> _PyGC_PREV_SHIFT;
            if (!(gc->_gc_prev & _PyGC_PREV_MASK_COLLECTING) || refs == 0) {
                continue;
            }
        }
        if (!_Py_IsIncrefImmortal(op)) {
            if (op == m->spared[0] || op == m->spared[1] ||
                is_running_frame(op))
            {
                continue;
            }
            _Py_MakeImmortal(op);
            m->marked++;
        }
        if (alive_only) {
            gc->_gc_prev &= ~_PyGC_PREV_MASK_COLLECTING;
        }
        _PyMarker_Expand(op, m, 1);
        if (m->size > 0) {
            drain(m);
        }
    }
}

Py_ssize_t
_PyImmortalHeap_Mark(PyInterpreterState *interp, PyGC_Head *list,
                     PyObject *const spared[2], PyObject *root,
                     int alive_only)
{
    struct _Py_marker m = {.spared = spared, .alive_only = alive_only};
    mark_static_types(&m);
    if (root != NULL) {
        _PyMarker_Expand(root, &m, 1);
    }
    mark_frames(interp, &m);
    drain(&m);
    mark_list(&interp->gc.permanent_generation.head, &m, 0);
    mark_list(list, &m, alive_only);
    PyMem_RawFree(m.stack);
    return m.no_memory ? -1 : m.marked;
}
