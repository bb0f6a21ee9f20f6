/* The immortal heap: the walk that marks it.

   One pass over the collector's lists.  A container that is on a list is
   expanded when the pass comes to it; what the collector does not track
   (strings, untracked tuples and dictionaries, code) is expanded from an
   explicit stack, so that no depth of nesting costs C stack. */

#include "Python.h"
#include "frameobject.h"          // PyTracebackObject
#include "pycore_datetime.h"      // _PyDatetime_Find()
#include "pycore_gc_lists.h"      // list_remove()
#include "pycore_immortal_heap.h"
#include "pycore_immortal_mark.h"
#include "pycore_immortal_owned.h"
#include "pycore_immortal_port.h" // _PyPort_Modules()
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

/* Did the last walk not come to its end? */
static int unfinished = 0;

/* See to it that there is room for one more on the stack.  What has no room
   there must not be marked: nothing would tell that it has to be expanded. */
static int
has_room(struct _Py_marker *m)
{
    if (m->size == m->allocated) {
        Py_ssize_t allocated = m->allocated ? 2 * m->allocated : 256;
        PyObject **stack = PyMem_RawRealloc(m->stack,
                                            allocated * sizeof(*stack));
        if (stack == NULL) {
            m->no_memory = 1;
            return 0;
        }
        m->stack = stack;
        m->allocated = allocated;
    }
    return 1;
}

/* Does the frame that an object stands for run, or is it suspended?  A
   traceback that the collector has cleared has none. */
static inline int
is_alive(PyFrameObject *frame)
{
    return frame != NULL &&
        frame->f_frame->owner != FRAME_OWNED_BY_FRAME_OBJECT;
}

/* Is op the object of a frame that runs, or is suspended in a generator; or a
   traceback, or the exception being handled, that holds one?

   When a frame ends, its object takes over the locals if anything else holds
   it, which is decided by its count (_PyFrame_Clear()).  Immortal, or held by
   what is, it would keep them for ever. */
static int
holds_running_frame(PyObject *op)
{
    if (PyFrame_Check(op)) {
        return is_alive((PyFrameObject *)op);
    }
    if (PyExceptionInstance_Check(op)) {
        op = ((PyBaseExceptionObject *)op)->traceback;
        if (op == NULL) {
            return 0;
        }
    }
    return PyTraceBack_Check(op) &&
        is_alive(((PyTracebackObject *)op)->tb_frame);
}

/* What C code is still filling.

   Functions of the C API change an object for whoever is the only one to have
   it, which they tell by a count of 1: PyTuple_SetItem(), PySet_Add() with a
   frozenset.  They would refuse what became immortal meanwhile.  So what C
   code has, and nothing else, stays mortal, and what only that holds does too.

   Other containers can be filled all the same.  Some are C's for good, such as
   a static variable of an extension's; those that no collection has seen yet
   are taken to be unfinished, so that they are freed when they have served. */
static int
may_be_half_made(PyObject *op, int young)
{
    if (Py_REFCNT(op) != 1) {
        return 0;
    }
    return PyTuple_Check(op) || PyFrozenSet_Check(op) ||
        (young && (PyList_CheckExact(op) || PyDict_CheckExact(op) ||
                   PySet_CheckExact(op)));
}

/* Such a tuple may be referred to, by an unfinished list for instance. */
static int
has_empty_place(PyObject *tuple)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        if (PyTuple_GET_ITEM(tuple, i) == NULL) {
            return 1;
        }
    }
    return 0;
}

static inline int
must_stay_mortal(PyObject *op, struct _Py_marker *m)
{
    return op == m->spared[0] || op == m->spared[1] ||
        (m->careful && PyTuple_CheckExact(op) && has_empty_place(op)) ||
        (m->in_list_of_c == 2 && PyFrozenSet_Check(op) &&
         Py_REFCNT(op) == 1) ||
        ((PyFrame_Check(op) || PyTraceBack_Check(op) ||
          PyExceptionInstance_Check(op)) && holds_running_frame(op));
}

/* Expand what an earlier walk has marked; what is tracked is met on a list. */
static void
expand_again(PyObject *op, struct _Py_marker *m)
{
    if ((_PyObject_IS_GC(op) && _PyObject_GC_IS_TRACKED(op)) ||
        PyUnicode_CheckExact(op) || PyBytes_CheckExact(op) ||
        PyLong_CheckExact(op))
    {
        return;
    }
    if (m->seen == NULL) {
        m->seen = _PyDeallocators_NewTable();
    }
    if (m->seen == NULL || !has_room(m)) {
        m->no_memory = 1;
        return;
    }
    if (_Py_hashtable_get(m->seen, op) == NULL) {
        if (_Py_hashtable_set(m->seen, op, op) < 0) {
            m->no_memory = 1;
            return;
        }
        m->stack[m->size++] = op;
    }
}

void
_PyMarker_MarkNew(PyObject *op, struct _Py_marker *m)
{
    if (m->again && _Py_IsIncrefImmortal(op)) {
        expand_again(op, m);
        return;
    }
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
        /* Of bytes in a list of C's, the contents may be still to come. */
        if (m->hook != NULL && !m->in_list_of_c) {
            m->hook->leaf(op, m->hook->arg);
        }
        return;
    }
    if (must_stay_mortal(op, m) || !has_room(m)) {
        return;
    }
    int known = _Py_COUNTER_FULL;
    if (m->counter != NULL && _PyCounter_Wants(m->counter, op)) {
        known = _PyCounter_Count(m->counter, op);
    }
    if (known == 0) {
        return;
    }
    if (known == _Py_COUNTER_NO_MEMORY) {
        m->no_memory = 1;
        return;
    }
    if (known == _Py_COUNTER_FULL) {
        _Py_MakeImmortal(op);
    }
    m->marked++;
    if (type->tp_finalize != NULL && !_PyType_IS_GC(type)) {
        untracked_finalizers = 1;
    }
    m->stack[m->size++] = op;
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
        else if (m->hook != NULL && !m->in_list_of_c) {
            m->hook->leaf(op, m->hook->arg);
        }
        _PyMarker_Expand(op, m, tracked);
    }
}

/* Mark op, which is on a list; 0 if it has to stay mortal. */
static inline int
mark_listed(PyObject *op, struct _Py_marker *m)
{
    if (!_Py_IsIncrefImmortal(op)) {
        if (must_stay_mortal(op, m)) {
            return 0;
        }
        int known = _Py_COUNTER_FULL;
        if (m->counter != NULL && _PyCounter_Wants(m->counter, op)) {
            known = _PyCounter_Add(m->counter, op);
        }
        if (known == _Py_COUNTER_NO_MEMORY) {
            m->no_memory = 1;
            return 0;
        }
        if (known == _Py_COUNTER_FULL) {
            _Py_MakeImmortal(op);
        }
        m->marked++;
    }
    return 1;
}

int
_PyMarker_IsMarked(PyObject *op, void *marker)
{
    struct _Py_marker *m = marker;
    return _Py_IsIncrefImmortal(op) ||
        (m->counter != NULL && _PyCounter_Has(m->counter, op));
}

int
_PyMarker_IsMarkedForGood(PyObject *op, void *marker)
{
    struct _Py_marker *m = marker;
    return _Py_IsIncrefImmortal(op) ||
        (m->counter != NULL && _PyCounter_Insist(m->counter, op));
}

/* Mark what is on a list, but for what C code may be filling.  Done first of
   all, so that references to it cost nothing later. */
static int
mark_if_whole(PyObject *op, void *arg)
{
    struct _Py_marker *m = arg;
    if (!m->careful || !may_be_half_made(op, 0)) {
        mark_listed(op, m);
    }
    return 0;
}

/* Expand op, which is on a list and marked. */
static void
expand_listed(PyObject *op, struct _Py_marker *m, int in_list_of_c)
{
    m->in_list_of_c = in_list_of_c;
    _PyMarker_Expand(op, m, 1);
    m->in_list_of_c = 0;
    if (m->size > 0) {
        drain(m);
    }
}

/* Mark and expand what is on a list and was found to be referred to from
   outside of it. */
static void
expand_alive(PyGC_Head *head, struct _Py_marker *m)
{
    int young = 0;
    PyGC_Head *gc = _PyGCHead_NEXT(head);
    for (; gc != head && !m->no_memory; gc = _PyGCHead_NEXT(gc)) {
        PyObject *op = (PyObject *)(gc + 1);
        young |= gc == m->young;
        if (!(gc->_gc_prev & _PyGC_PREV_MASK_COLLECTING) ||
            gc->_gc_prev >> _PyGC_PREV_SHIFT == 0 ||
            may_be_half_made(op, young))
        {
            continue;
        }
        int in_list_of_c = Py_REFCNT(op) == 1 && PyList_CheckExact(op) ? 2 : 0;
        if (mark_listed(op, m)) {
            gc->_gc_prev &= ~_PyGC_PREV_MASK_COLLECTING;
            expand_listed(op, m, in_list_of_c);
        }
    }
}

/* Expand what is on a list and marked, and move the rest to kept.

   new -- Counts do not tell any more which lists only C has. */
static void
expand_marked(PyGC_Head *head, PyGC_Head *kept, int new, struct _Py_marker *m)
{
    PyGC_Head passed, *next;
    PyGC_Head *gc = _PyGCHead_NEXT(head);
    list_init(&passed);
    for (; gc != head; gc = next) {
        PyObject *op = (PyObject *)(gc + 1);
        next = _PyGCHead_NEXT(gc);
        if (!_PyMarker_IsMarked(op, m)) {
            list_remove(gc);
            list_append(gc, &passed);
        }
        else if (!m->no_memory) {
            expand_listed(op, m, new && PyList_CheckExact(op));
            if (_PyMarker_IsAtomicTuple(op)) {
                _PyObject_GC_UNTRACK(op);
            }
        }
    }
    /* Some of it was met since, and expanded then. */
    for (gc = _PyGCHead_NEXT(&passed); gc != &passed; gc = next) {
        next = _PyGCHead_NEXT(gc);
        list_remove(gc);
        int marked = _PyMarker_IsMarked((PyObject *)(gc + 1), m);
        list_append(gc, marked ? head : kept);
    }
}

Py_ssize_t
_PyImmortalHeap_Mark(const struct _Py_marking *call,
                     const struct _Py_marking_lists *lists)
{
    PyInterpreterState *interp = call->interp;
    PyThreadState *ts = PyInterpreterState_ThreadHead(interp);
    struct _Py_marker m = {
        .spared = call->spared,
        .careful = call->alive_only || call->root != NULL ||
                   PyThreadState_Next(ts) != NULL,
        .young = lists->young,
        .hook = call->alive_only ? call->hook : NULL,
        .counter = call->counter,
        .again = unfinished,
    };
    struct gc_generation *permanent = permanent_of(interp);
    PyGC_Head *immortals = _PyImmortalHeap_List(interp), left;
    list_init(&left);
    (void)list_visit(&permanent->head, mark_if_whole, &m);
    if (!call->alive_only) {
        (void)list_visit(lists->all, mark_if_whole, &m);
    }
    m.has_datetime = _PyDatetime_Find(_PyPort_Modules(interp));
    _PyMarker_MarkRoots(interp, call->root, &m);
    drain(&m);
    expand_marked(immortals, &left, 0, &m);
    expand_marked(&permanent->head, &left, 1, &m);
    if (call->alive_only) {
        expand_alive(lists->all, &m);
    }
    else {
        expand_marked(lists->all, lists->kept, 1, &m);
    }
    if (m.counter != NULL) {
        if (!m.no_memory && _PyCounter_Reserve(m.counter) < 0) {
            m.no_memory = 1;
        }
        /* If the walk did not come to its end, they stay mortal: they could
           not be deallocated at exit. */
        _PyCounter_MakeImmortal(m.counter, m.no_memory);
    }
    list_merge(&permanent->head, immortals);
    permanent->count = _PyGCHead_NEXT(&left) != &left;
    list_merge(&left, &permanent->head);
    PyMem_RawFree(m.stack);
    if (m.seen != NULL) {
        _Py_hashtable_destroy(m.seen);
    }
    unfinished = m.no_memory;
    return m.no_memory ? -1 : m.marked;
}
