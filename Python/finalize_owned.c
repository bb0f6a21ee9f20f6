/* Finalization at shutdown: what is immortal, and works in its deallocator.

   Such an object was mortal when gc.immortalize_heap() was called: a stream
   that is still open.  It is deallocated last, once nothing mortal can need it
   any more.  Others may hold it still, and read its count and its type: so its
   memory is not given back, and it ends as it was, immortal.  Where that does
   not come about, finalize_gone.c sees to those others.  What others may still
   use (finalize_users.c) waits until modules were cleared.

   In an unpatched interpreter it would have gone with what holds it, unless
   that stays alive to the end: so what can be reached from what C code holds,
   or from the stacks of stopped threads, is left alone; and all if there are
   suspended greenlets, of which nobody can see what they hold.  What can be
   reached from what the interpreter and its threads hold to the end (audit
   hooks, tracers, contexts) waits until that is gone. */

#include "Python.h"
#include "pycore_finalize_release.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal_owned.h"
#include "pycore_immortal_port.h" // _PyPort_Modules()
#include "pycore_interp_walks.h"  // _PyInterpWalk_Last()
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()

/* On the stack, the lowest bit says that what op refers to is done. */
#define DONE ((uintptr_t)1)

struct walk {
    _Py_walk_stack stack;
    PyObject *holder;       /* being expanded; borrowed */
    _Py_addrset owned;
    _Py_addrset boundaries; /* namespaces, for the walks to the next two */
    _Py_addrset *seen;      /* one of the next four */
    _Py_addrset last;       /* reached from what the interpreter holds */
    _Py_addrset held;       /* from what stays alive */
    _Py_addrset reached;    /* from what is owned */
    _Py_addrset used;       /* from what others may still use */
    _Py_objlist order;      /* the last one comes first */
    Py_ssize_t left;        /* how many of these may still be used */
    _Py_addrset gone;       /* whose memory did not come back */
    int any_in_use;         /* _PyFinalize_AnyInUse() */
    int no_memory;
};

/* _PyFinalize_Release(), and the two calls of _PyFinalize_ReleaseRest() */
enum occasion {FIRST, AGAIN, LAST};

static int
is_rest_released(PyInterpreterState *interp)
{
    return _PyPort_RELEASES_REST && _Py_IsMainInterpreter(interp);
}

static void
push(struct walk *w, PyObject *op, uintptr_t flag)
{
    if (_Py_walk_stack_push(&w->stack, op, flag) < 0) {
        w->no_memory = 1;
    }
}

/* Is op not to be followed?  Modules are let go of, whoever holds them.  From
   what a function or a class refers to, nearly everything can be reached; that
   is no reason to go before all that. */
static int
is_boundary(struct walk *w, PyObject *op)
{
    if (w->seen == &w->held || w->seen == &w->last) {
        return PyModule_Check(op) || _Py_addrset_has(&w->boundaries, op);
    }
    return PyModule_Check(op) || PyType_Check(op) || PyCode_Check(op) ||
        (PyDict_Check(op) && PyFunction_Check(w->holder));
}

static int
visit(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if ((_PyObject_IS_GC(op) || _Py_addrset_has(&w->owned, op)) &&
        !is_boundary(w, op) && !_Py_addrset_has(w->seen, op))
    {
        push(w, op, 0);
    }
    return 0;
}

static void
expand(struct walk *w, PyObject *op)
{
    if (w->seen == &w->reached && _Py_addrset_has(&w->owned, op) &&
        !_Py_addrset_has(&w->held, op))
    {
        push(w, op, DONE);
    }
    if (_PyFinalize_CanExpand(op)) {
        w->holder = op;
        Py_TYPE(op)->tp_traverse(op, visit, w);
    }
}

static void
run(struct walk *w)
{
    while (w->stack.size > 0 && !w->no_memory) {
        uintptr_t entry = w->stack.entries[--w->stack.size];
        PyObject *op = (PyObject *)(entry & ~DONE);
        if (entry & DONE) {
            if (_Py_objlist_append(&w->order, op) < 0) {
                w->no_memory = 1;
            }
            continue;
        }
        int added = _Py_addrset_add(w->seen, op);
        if (added < 0) {
            w->no_memory = 1;
        }
        if (added > 0) {
            expand(w, op);
        }
    }
}

static void
run_root(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (op != NULL) {
        push(w, op, 0);
        run(w);
    }
}

static void
add(struct walk *w, _Py_addrset *set, PyObject *op)
{
    if (_Py_addrset_add(set, op) < 0) {
        w->no_memory = 1;
    }
}

/* The namespaces of modules that are still in sys.modules, those of the
   standard library, are cleared whoever holds them. */
static void
add_namespaces(struct walk *w, PyInterpreterState *interp)
{
    PyObject *module, *modules = _PyPort_Modules(interp);
    Py_ssize_t pos = 0;
    while (modules != NULL && PyDict_Check(modules) &&
           PyDict_Next(modules, &pos, NULL, &module))
    {
        if (PyModule_Check(module)) {
            add(w, &w->boundaries, PyModule_GetDict(module));
        }
    }
}

/* Walk from what was on stopped threads' stacks, and what functions need.  1
   if what stays alive cannot be known: a suspended greenlet, or no memory. */
static int
walk_if_in_use(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (!_PyObject_IS_GC(op)) {
        return 1;
    }
    if (w->any_in_use && _PyFinalize_WasInUse(op)) {
        run_root(op, w);
    }
    if (_PyFinalize_HasOwnedDefinition(op, &w->owned)) {
        run_root(((PyCFunctionObject *)op)->m_self, w);
    }
    return w->no_memory;
}

/* Find what stays alive to the end.  Returns 0 if that cannot be known. */
static int
find_held(struct walk *w, PyInterpreterState *interp)
{
    PyThreadState *tstate = _PyThreadState_GET();
    PyObject *const *shared, *const *owned;
    Py_ssize_t n = _PyImmortalHeap_Shared(&shared);
    w->seen = &w->held;
    for (Py_ssize_t i = 0; i < n && !w->no_memory; i++) {
        run_root(shared[i], w);
    }
    if (!_PyPort_RELEASES_REST) {
        run_root(tstate->c_traceobj, w);
        run_root(tstate->c_profileobj, w);
    }
    n = _PyImmortalHeap_Owned(&owned);
    for (Py_ssize_t i = 0; i < n; i++) {
        /* It may be on none of the collector's lists. */
        if (_PyFinalize_WasInUse(owned[i])) {
            run_root(owned[i], w);
        }
    }
    w->any_in_use = _PyFinalize_AnyInUse();
    return !lists_visit(interp, walk_if_in_use, w) && !w->no_memory;
}

/* The list of audit hooks, for one, is not tracked, so that no program finds
   it.  It is whole for all that. */
static void
run_last(PyObject *op, void *arg)
{
    struct walk *w = arg;
    run_root(op, w);
    if (op != NULL && PyList_Check(op) && !_PyObject_GC_IS_TRACKED(op)) {
        w->holder = op;
        Py_TYPE(op)->tp_traverse(op, visit, w);
        run(w);
    }
}

/* Find what can be reached from what interp lets go of last: it may still run,
   or what is deallocated then may. */
static void
find_last(struct walk *w, PyInterpreterState *interp)
{
    w->seen = &w->last;
    if (is_rest_released(interp)) {
        _PyInterpWalk_Last(interp, run_last, w);
    }
    else {
        /* What waits never goes.  But C code looks into a context. */
        PyThreadState *ts = PyInterpreterState_ThreadHead(interp);
        run_last(interp->audit_hooks, w);
        for (; ts != NULL; ts = PyThreadState_Next(ts)) {
            run_root(ts->context, w);
        }
    }
}

/* Find what is owned and may still be used, and what it refers to itself. */
static void
find_used(struct walk *w, PyInterpreterState *interp)
{
    _Py_finalize_users users = {.objects = {0}};
    if (_PyFinalize_FindUsers(interp, &w->reached, &users) < 0) {
        w->no_memory = 1;
    }
    w->seen = &w->used;
    for (Py_ssize_t i = 0; i < users.objects.size && !w->no_memory; i++) {
        run_root(users.objects.items[i], w);
    }
    for (Py_ssize_t i = 0; i < w->order.size && !w->no_memory; i++) {
        if (_PyFinalize_MayBeUsed(&users, w->order.items[i])) {
            run_root(w->order.items[i], w);
        }
    }
    _PyFinalize_ClearUsers(&users);
}

/* What refers to an object goes before it; of what is not known to refer to
   each other, the younger before the older, and capsules last: they hold what
   is not an object, for who knows whom.  Returns whether there are any.

   When it is not the first time, what stays alive was left out before. */
static int
find_order(struct walk *w, PyInterpreterState *interp, enum occasion when)
{
    PyObject *const *owned;
    Py_ssize_t n = _PyImmortalHeap_Owned(&owned);
    for (Py_ssize_t i = 0; i < n; i++) {
        add(w, &w->owned, owned[i]);
    }
    if (n == 0 || (when == FIRST && !find_held(w, interp))) {
        return 0;
    }
    w->seen = &w->reached;
    for (int capsules = 1; capsules >= 0; capsules--) {
        for (Py_ssize_t i = 0; i < n; i++) {
            if (PyCapsule_CheckExact(owned[i]) == capsules) {
                run_root(owned[i], w);
            }
        }
    }
    return !w->no_memory && w->order.size > 0;
}

static int
may_be_used(struct walk *w, PyObject *op)
{
    return _Py_addrset_has(&w->used, op) || _Py_addrset_has(&w->last, op);
}

/* Deallocate what nobody may still use.  What is left is in the order in which
   it was, at the beginning of w->order. */
static void
deallocate_all(struct walk *w)
{
    for (Py_ssize_t i = w->order.size; --i >= 0; ) {
        PyObject *op = w->order.items[i];
        if (!may_be_used(w, op) && !_PyFinalize_Deallocate(op)) {
            add(w, &w->gone, op);
            w->order.items[i] = Py_NewRef(Py_None);
        }
    }
    for (Py_ssize_t i = 0; i < w->order.size; i++) {
        if (may_be_used(w, w->order.items[i])) {
            w->order.items[w->left++] = w->order.items[i];
        }
    }
    w->order.size = w->left;    /* the others are immortal */
}

/* Does something hold what it is to let go of, as it would have to be cleared,
   or is to go last?  Code of modules would find that it lost what it needs. */
static int any_uncut = 0;

/* Where a holder has to be cleared, that comes after all that could be let go
   of without: a destructor may use the holder. */
static int
release_mortal(struct walk *w, PyInterpreterState *interp, _Py_addrset *later,
               int clear)
{
    int uncut = 1;
    for (int i = 0; i <= clear && uncut; i++) {
        uncut = _PyFinalize_ReleaseMortal(interp, later, &w->last,
                                          &w->gone, i);
    }
    return uncut;
}

/* What something mortal needs goes after it, and what it needs itself goes
   after that.

   any -- is anything owned?  Returns whether something is left to be cut. */
static int
release_found(struct walk *w, PyInterpreterState *interp, int any, int clear)
{
    int uncut = release_mortal(w, interp, any ? &w->reached : NULL, clear);
    if (any) {
        find_used(w, interp);
    }
    if (any && !w->no_memory) {
        deallocate_all(w);
        if (_PyFinalize_ForgetGone(interp, &w->gone) == 0 && !w->no_memory) {
            uncut |= release_mortal(w, interp, &w->used, clear);
        }
    }
    return uncut;
}

static void
release(PyInterpreterState *interp, enum occasion when)
{
    struct walk w = {.no_memory = 0};
    int is_main = _Py_IsMainInterpreter(interp);
    int uncut = 0;
    add_namespaces(&w, interp);
    int any = is_main && find_order(&w, interp, when);
    if (when != LAST) {
        find_last(&w, interp);
    }
    /* Without memory it is not known what is still needed. */
    if (!w.no_memory) {
        uncut = release_found(&w, interp, any,
                              when != FIRST || !is_rest_released(interp));
    }
    if (is_main) {
        any_uncut = uncut;
        if (when == LAST || w.no_memory) {
            _PyImmortalHeap_ForgetOwned();
        }
        else {
            _PyImmortalHeap_ForgetOwnedBut(w.order.items, w.left);
        }
    }
    PyMem_RawFree(w.stack.entries);
    _Py_addrset_clear(&w.owned);
    _Py_addrset_clear(&w.boundaries);
    _Py_addrset_clear(&w.last);
    _Py_addrset_clear(&w.held);
    _Py_addrset_clear(&w.reached);
    _Py_addrset_clear(&w.used);
    _Py_addrset_clear(&w.gone);
    _Py_objlist_clear(&w.order);
}

void
_PyFinalize_Release(PyInterpreterState *interp)
{
    if (_PyDeallocators_Work()) {
        release(interp, FIRST);
    }
}

void
_PyFinalize_ReleaseRest(PyInterpreterState *interp, int last)
{
    PyObject *const *owned;
    if (_Py_IsMainInterpreter(interp) &&
        (_PyImmortalHeap_Owned(&owned) > 0 || any_uncut))
    {
        release(interp, last ? LAST : AGAIN);
    }
}
