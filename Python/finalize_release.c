/* Finalization at shutdown: what only works in its deallocator, and is mortal.

   A stream of a C++ library flushes when it is destroyed; a database
   connection folds up its log.  Their types have no tp_finalize: a
   deallocator is all there is, and it runs when the last reference is gone.
   Something immortal never lets go of its references.  So where it holds,
   directly or by way of mortal objects, one that works in its deallocator,
   that reference is cut: the one that leads to the object itself, so that
   nothing else goes with it.

   What is immortal itself, and so open to the end, is finalize_owned.c's.

   The walk only reads: what is shared with other processes stays shared. */

#include "Python.h"
#include "pycore_finalize_release.h"
#include "pycore_finalize_steps.h"
#include "pycore_frame.h"         // FRAME_OWNED_BY_FRAME_OBJECT
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal.h"
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyObject_GetDictPtr()

/* A reference.  Borrowed while there is a walk; to be cut, both are owned. */
struct edge {
    PyObject *holder;
    PyObject *held;
};

struct edges {
    struct edge *items;
    Py_ssize_t n;
    Py_ssize_t allocated;
};

struct walk {
    PyInterpreterState *interp;
    _Py_walk_stack stack;
    PyObject *holder;       /* being expanded */
    _Py_addrset seen;
    _Py_addrset boundaries; /* modules that finalize_modules() lets go of */
    _Py_addrset *later;     /* what these hold is not to be released yet */
    _Py_addrset *last;      /* nor is what these hold */
    _Py_addrset *gone;      /* not to be looked at */
    _Py_deallocators deallocators;
    _Py_addrset carriers;   /* cannot be cut open: stand for what they hold */
    _Py_objlist callers;    /* weak references with a callback */
    struct edges edges;     /* to what works in its deallocator */
    struct edges carried;   /* to what would be a carrier, if it held such */
    int left;               /* is there something that last holds? */
    int no_memory;
};

static int
add(struct walk *w, _Py_addrset *set, const void *address)
{
    int added = _Py_addrset_add(set, address);
    if (added < 0) {
        w->no_memory = 1;
    }
    return added > 0;
}

static void
push(struct walk *w, PyObject *op)
{
    if (_Py_walk_stack_push(&w->stack, op, 0) < 0) {
        w->no_memory = 1;
    }
}

static void
append(struct walk *w, struct edges *edges, PyObject *held)
{
    if (edges->n == edges->allocated) {
        struct edge *items = _PyFinalize_Grow(edges->items, &edges->allocated,
                                              sizeof(*items));
        if (items == NULL) {
            w->no_memory = 1;
            return;
        }
        edges->items = items;
    }
    edges->items[edges->n++] = (struct edge){w->holder, held};
}

static void
note_edge(struct walk *w, PyObject *held)
{
    if (w->later != NULL && _Py_addrset_has(w->later, w->holder)) {
        return;
    }
    if (_Py_addrset_has(w->last, w->holder)) {
        w->left = 1;
        return;
    }
    if (w->edges.n > 0 && w->edges.items[w->edges.n - 1].holder == w->holder &&
        w->edges.items[w->edges.n - 1].held == held)
    {
        return;     /* a list of one object, many times over */
    }
    append(w, &w->edges, held);
}

/* Is op a frame whose function has not returned?  One that has is only kept by
   a traceback, and can be cleared. */
static int
is_running(PyObject *op)
{
    return PyFrame_Check(op) && ((PyFrameObject *)op)->f_frame->owner !=
        FRAME_OWNED_BY_FRAME_OBJECT;
}

/* Types and modules are not cut open: nobody who wants an object to live as
   long as the program does would put it elsewhere in C, and an extension's own
   state is released with it, or never, as ever. */
int
_PyFinalize_CanBeCut(PyObject *op)
{
    return !PyType_Check(op) && !PyModule_Check(op) && !is_running(op) &&
        !PyGen_Check(op) && !PyCoro_CheckExact(op) &&
        !PyAsyncGen_CheckExact(op);
}

/* Has op neither slots that are known here nor a tp_clear?  Then references to
   op itself are cut. */
static int
is_carrier(PyObject *op)
{
    return Py_TYPE(op)->tp_clear == NULL && !PyTuple_Check(op) &&
        _PyObject_GetDictPtr(op) == NULL;
}

static int
visit(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (_Py_addrset_has(w->gone, op)) {
        return 0;
    }
    if (_Py_IsImmortal(op)) {
        /* What is tracked is on a list.  Of what is not, only a dictionary can
           have got something mortal since. */
        if (PyDict_Check(op) && !_PyObject_GC_IS_TRACKED(op) &&
            add(w, &w->seen, op))
        {
            push(w, op);
        }
        return 0;
    }
    int is_gc = _PyObject_IS_GC(op);
    if (!is_gc && _PyType_IS_GC(Py_TYPE(op))) {
        /* It does not want to be deallocated just now: as a greenlet that is
           suspended, and whose C stack would have to be unwound. */
        return 0;
    }
    if (_Py_addrset_has(&w->boundaries, op)) {
        return 0;
    }
    if ((_PyDeallocators_DoMore(&w->deallocators, op) ||
         _Py_addrset_has(&w->carriers, op)) &&
        _PyFinalize_CanBeCut(w->holder))
    {
        if (!_Py_IsImmortal(w->holder) && is_carrier(w->holder)) {
            add(w, &w->carriers, w->holder);
        }
        else {
            note_edge(w, op);
        }
        /* What it holds goes with it. */
        return 0;
    }
    if (is_gc) {
        if (is_carrier(op)) {
            append(w, &w->carried, op);
        }
        if (add(w, &w->seen, op)) {
            push(w, op);
        }
    }
    return 0;
}

static void
expand(struct walk *w, PyObject *op)
{
    if (_PyFinalize_CanExpand(op)) {
        w->holder = op;
        Py_TYPE(op)->tp_traverse(op, visit, w);
        if (PyWeakref_Check(op) &&
            ((PyWeakReference *)op)->wr_callback != NULL &&
            _Py_objlist_append(&w->callers, op) < 0)
        {
            w->no_memory = 1;
        }
    }
}

static int
walk_from(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (_Py_IsImmortal(op)) {
        expand(w, op);
        while (w->stack.size > 0 && !w->no_memory) {
            expand(w, (PyObject *)w->stack.entries[--w->stack.size]);
        }
    }
    return w->no_memory;
}

static void
add_boundaries(struct walk *w)
{
    PyObject *module, *modules = _PyPort_Modules(w->interp);
    Py_ssize_t pos = 0;
    while (modules != NULL && PyDict_Check(modules) &&
           PyDict_Next(modules, &pos, NULL, &module))
    {
        add(w, &w->boundaries, module);
    }
}

static void
walk(struct walk *w)
{
    (void)lists_visit(w->interp, walk_from, w);
    w->stack.size = 0;
    _Py_addrset_clear(&w->seen);
}

static int
compare_held(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct edge *)a)->held;
    uintptr_t y = (uintptr_t)((const struct edge *)b)->held;
    return (x > y) - (x < y);
}

/* A holder of a carrier is one, too, if it cannot be cut open. */
static void
spread_to(struct walk *w, PyObject *holder)
{
    if (!_Py_IsImmortal(holder) && is_carrier(holder) &&
        _PyFinalize_CanBeCut(holder) && add(w, &w->carriers, holder))
    {
        push(w, holder);
    }
}

/* Find what holds a carrier, by way of others.  The walk may have come to a
   holder before it came to what that holds.  Returns whether there are any. */
static int
find_carriers(struct walk *w)
{
    struct edge *edges = w->carried.items, *end = edges + w->carried.n;
    if (w->carriers.used == 0 || edges == end) {
        return w->carriers.used > 0;
    }
    qsort(edges, w->carried.n, sizeof(*edges), compare_held);
    for (struct edge *edge = edges; edge < end; edge++) {
        if ((edge == edges || edge->held != edge[-1].held) &&
            _Py_addrset_has(&w->carriers, edge->held))
        {
            push(w, edge->held);
        }
    }
    while (w->stack.size > 0) {
        PyObject *held = (PyObject *)w->stack.entries[--w->stack.size];
        struct edge key = {NULL, held};
        struct edge *edge = bsearch(&key, edges, w->carried.n, sizeof(key),
                                    compare_held);
        while (edge > edges && edge[-1].held == held) {
            edge--;
        }
        for (; edge != NULL && edge < end && edge->held == held; edge++) {
            spread_to(w, edge->holder);
        }
    }
    return 1;
}

/* Before something is cut off from what callbacks need. */
static void
take_callbacks(struct walk *w)
{
    _Py_addrset holders = {0};
    for (Py_ssize_t i = 0; i < w->edges.n && w->callers.size > 0; i++) {
        add(w, &holders, w->edges.items[i].holder);
    }
    if (holders.used > 0) {
        _PyFinalize_TakeCallbacks(&w->callers, &holders);
    }
    _Py_addrset_clear(&holders);
    _Py_objlist_clear(&w->callers);
}

/* Cut n references, from the one with index first on, that have one holder. */
static int
cut_from(struct walk *w, Py_ssize_t first, Py_ssize_t n, int clear,
         _Py_objlist *cleared)
{
    struct edge *edges = &w->edges.items[first];
    _Py_addrset many = {0};
    _Py_finalize_held held = {.many = &many};
    int left = 0;
    Py_ssize_t i = 0;
    while (n > 1 && i < n && _Py_addrset_add(&many, edges[i].held) >= 0) {
        i++;
    }
    if (n > 1 && i == n) {
        left = _PyFinalize_Cut(w->interp, edges->holder, &held, clear,
                               cleared);
        n = 0;
    }
    /* One, or without memory, each in its turn. */
    held.many = NULL;
    for (i = 0; i < n; i++) {
        held.one = edges[i].held;
        left |= _PyFinalize_Cut(w->interp, edges->holder, &held, clear,
                                cleared);
    }
    _Py_addrset_clear(&many);
    return left;
}

/* Returns whether something was left, because it would have to be cleared. */
static int
cut_edges(struct walk *w, int clear)
{
    _Py_addrset dicts = {0};        /* from which something was cut off */
    _Py_objlist cleared = {0};      /* to which what was cleared referred */
    struct edge *edges = w->edges.items;
    int left = 0;
    Py_ssize_t n;
    for (Py_ssize_t i = 0; i < w->edges.n; i++) {
        Py_INCREF(edges[i].holder);
        Py_INCREF(edges[i].held);
    }
    take_callbacks(w);
    for (Py_ssize_t i = 0; i < w->edges.n; i += n) {
        PyObject *holder = edges[i].holder;
        for (n = 1; i + n < w->edges.n; n++) {
            if (edges[i + n].holder != holder) {
                break;
            }
        }
        if (PyDict_Check(holder)) {
            add(w, &dicts, holder);
        }
        left |= cut_from(w, i, n, clear, &cleared);
    }
    _PyFinalize_ForgetCached(w->interp, &dicts);
    _PyFinalize_ClearUnshared(w->interp, &cleared);
    _Py_addrset_clear(&dicts);
    return left;
}

static void
deallocate_edges(struct walk *w)
{
    while (w->edges.n > 0) {
        struct edge *edge = &w->edges.items[--w->edges.n];
        Py_DECREF(edge->holder);
        Py_DECREF(edge->held);
    }
}

int
_PyFinalize_ReleaseMortal(PyInterpreterState *interp, _Py_addrset *later,
                          _Py_addrset *last, _Py_addrset *gone, int clear)
{
    struct walk w = {.interp = interp, .later = later, .last = last,
                     .gone = gone};
    int enabled = interp->gc.enabled;
    interp->gc.enabled = 0;
    add_boundaries(&w);
    walk(&w);
    if (find_carriers(&w)) {
        /* These are cut off from what holds them. */
        w.edges.n = 0;
        w.carried.n = 0;
        _Py_objlist_clear(&w.callers);
        walk(&w);
    }
    int left = cut_edges(&w, clear) || w.left;
    interp->gc.enabled = enabled;
    PyMem_RawFree(w.stack.entries);
    PyMem_RawFree(w.carried.items);
    _Py_addrset_clear(&w.boundaries);
    _PyDeallocators_Clear(&w.deallocators);
    _Py_addrset_clear(&w.carriers);
    deallocate_edges(&w);
    PyMem_RawFree(w.edges.items);
    return left;
}
