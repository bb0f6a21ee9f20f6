/* The immortal heap: its state, and how it is made.

   Python/immortal_startup.c has the start-up call, Python/immortal_mark.c the
   walk. */

#include "Python.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Find()
#include "pycore_gc_lists.h"      // list_merge()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_heap.h"
#include "pycore_immortal_mark.h" // _PyImmortalHeap_Mark()
#include "pycore_immortal_owned.h"
#include "pycore_immortal_port.h" // _PyPort_Modules()
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyObject_GC_IS_TRACKED()
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()

/* The heap's state (pycore_immortal_heap.h says why it is here). */
static struct {
    PyGC_Head list;
    PyGC_Head nothing;      /* what other interpreters than the main one see */
    int exists;
    int extended;
    int frozen;
    int process_ends;
} heap = {
    .list = {(uintptr_t)&heap.list, (uintptr_t)&heap.list},
    .nothing = {(uintptr_t)&heap.nothing, (uintptr_t)&heap.nothing},
};

PyGC_Head *
_PyImmortalHeap_List(PyInterpreterState *interp)
{
    return _Py_IsMainInterpreter(interp) ? &heap.list : &heap.nothing;
}

void
_PyImmortalHeap_Adopt(PyGC_Head *gc)
{
    list_append(gc, &heap.list);
}

void
_PyImmortalHeap_SetFrozen(PyInterpreterState *interp, int frozen)
{
    if (_Py_IsMainInterpreter(interp)) {
        heap.frozen = frozen;
    }
}

int
_PyImmortalHeap_IsFrozen(PyInterpreterState *interp)
{
    return heap.frozen && _Py_IsMainInterpreter(interp);
}

int
_PyImmortalHeap_Exists(void)
{
    return heap.exists;
}

int
_PyImmortalHeap_WasExtended(void)
{
    return heap.extended;
}

void
_PyImmortalHeap_ProcessEnds(void)
{
    heap.process_ends = 1;
}

int
_PyImmortalHeap_DoesProcessEnd(void)
{
    return heap.process_ends;
}

int
_PyImmortalHeap_LeaveAlone(void)
{
    /* A subinterpreter may end earlier. */
    return heap.exists && heap.process_ends && _PyPort_IsRuntimeFinalizing();
}

void
_PyImmortalHeap_FindMain(PyInterpreterState *interp, PyObject *spared[2])
{
    spared[0] = spared[1] = NULL;
    PyObject *modules = _PyPort_Modules(interp);
    if (modules == NULL || !PyDict_Check(modules)) {
        return;
    }
    PyObject *module = _PyDictWalk_Find(modules, "__main__");
    if (module != NULL && PyModule_Check(module)) {
        spared[0] = module;
        spared[1] = PyModule_GetDict(module);
    }
}

/* Move what was not found alive from list to kept, untrack tuples as a
   collection does, and restore every _gc_prev.  Returns the number of objects
   that remain. */
static Py_ssize_t
list_split(PyGC_Head *list, PyGC_Head *kept)
{
    Py_ssize_t n = 0;
    PyGC_Head *last = list, *next;
    for (PyGC_Head *gc = _PyGCHead_NEXT(list); gc != list; gc = next) {
        next = _PyGCHead_NEXT(gc);
        gc->_gc_prev &= ~_PyGC_PREV_MASK_COLLECTING;
        if (!_Py_IsImmortal((PyObject *)(gc + 1))) {
            list_append(gc, kept);
            continue;
        }
        if (_PyMarker_IsAtomicTuple((PyObject *)(gc + 1))) {
            gc->_gc_next = 0;
            gc->_gc_prev &= _PyGC_PREV_MASK_FINALIZED;
            continue;
        }
        _PyGCHead_SET_PREV(gc, last);
        _PyGCHead_SET_NEXT(last, gc);
        last = gc;
        n++;
    }
    _PyGCHead_SET_NEXT(last, list);
    _PyGCHead_SET_PREV(list, last);
    return n;
}

/* Move what is mortal from one list to another. */
static void
list_move_mortal(PyGC_Head *from, PyGC_Head *to)
{
    PyGC_Head *next;
    for (PyGC_Head *gc = _PyGCHead_NEXT(from); gc != from; gc = next) {
        next = _PyGCHead_NEXT(gc);
        if (!_Py_IsImmortal((PyObject *)(gc + 1))) {
            list_remove(gc);
            list_append(gc, to);
        }
    }
}

int
_PyImmortalHeap_Make(const struct _Py_marking *call,
                     struct _Py_immortal_heap_stats *stats)
{
    PyInterpreterState *interp = call->interp;
    heap.exists = 1;
    PyGC_Head *all = &generation_of(interp, NUM_GENERATIONS - 1)->head;
    PyGC_Head *young = _PyGCHead_NEXT(&generation_of(interp, 0)->head);
    PyGC_Head kept;
    list_init(&kept);
    /* From old to young. */
    for (int i = NUM_GENERATIONS - 1; i >= 0; i--) {
        if (i < NUM_GENERATIONS - 1) {
            list_merge(&generation_of(interp, i)->head, all);
        }
        generation_of(interp, i)->count = 0;
    }
    if (!interp->gc.enabled) {
        /* Nothing is seen by a collection then, however old it is. */
        young = NULL;
    }
    if (call->alive_only) {
        _PyGC_CountExternal(all);
    }
    for (int i = 0; i < 2 && !call->alive_only; i++) {
        PyObject *op = call->spared[i];
        if (op != NULL && _PyObject_GC_IS_TRACKED(op)) {
            list_remove(_Py_AS_GC(op));
            list_append(_Py_AS_GC(op), &kept);
        }
    }
    const struct _Py_marking_lists lists = {all, young, &kept};
    stats->immortalized = _PyImmortalHeap_Mark(call, &lists);
    if (call->alive_only) {
        stats->frozen = list_split(all, &kept);
    }
    else {
        stats->frozen = call->root == NULL ? 0 : list_size(all);
    }
    list_merge(all, &heap.list);
    if (stats->immortalized < 0) {
        list_move_mortal(&heap.list, &kept);
    }
    list_merge(&kept, all);
    if (stats->immortalized < 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (call->counter != NULL) {
        _PyCounter_CountList(call->counter, all, call->root);
        _PyCounter_KeepOwned(call->counter);
    }
    return 0;
}

static int
extend(PyInterpreterState *interp, PyObject *const spared[2], int alive_only,
       const struct _Py_leaf_hook *hook, struct _Py_immortal_heap_stats *stats)
{
    struct _Py_counter counter = {.n = 0};
    const struct _Py_marking call = {
        .interp = interp,
        .spared = spared,
        .root = spared[1],
        .alive_only = alive_only,
        .hook = hook,
        .counter = _PyDeallocators_Work() ? &counter : NULL,
    };
    int result = _PyImmortalHeap_Make(&call, stats);
    _PyCounter_Clear(&counter);
    return result;
}

/* Did finalizers create anything that is still there, or keep alive what was
   going to be collected?

   expected -- how many objects the oldest generation has if not. */
static int
has_more(PyInterpreterState *interp, Py_ssize_t expected)
{
    for (int i = 0; i < NUM_GENERATIONS - 1; i++) {
        PyGC_Head *list = &generation_of(interp, i)->head;
        if (_PyGCHead_NEXT(list) != list) {
            return 1;
        }
    }
    return list_size(&generation_of(interp, NUM_GENERATIONS - 1)->head) >
        expected;
}

int
_PyGC_ExtendImmortalHeap(PyInterpreterState *interp,
                         Py_ssize_t (*collect)(void *), void *arg,
                         const struct _Py_leaf_hook *hook,
                         struct _Py_immortal_heap_stats *stats)
{
    PyObject *spared[2];
    heap.extended = 1;
    _PyImmortalHeap_FindMain(interp, spared);
    heap.frozen = 0;
    /* Called by a finalizer that the collector runs, its marks are in use. */
    int alive_only = !interp->gc.collecting;
    if (extend(interp, spared, alive_only, hook, stats) < 0) {
        return -1;
    }
    /* What was not found alive is garbage, __main__, and what stays mortal. */
    Py_ssize_t left =
        list_size(&generation_of(interp, NUM_GENERATIONS - 1)->head);
    stats->collected = collect(arg);
    _PyImmortalHeap_FindMain(interp, spared);
    if (stats->collected > 0 && has_more(interp, left - stats->collected)) {
        struct _Py_immortal_heap_stats more;
        if (extend(interp, spared, alive_only, hook, &more) < 0) {
            return -1;
        }
        stats->frozen += more.frozen;
        stats->immortalized += more.immortalized;
    }
    return 0;
}
