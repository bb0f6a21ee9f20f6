/* Finalization at shutdown: what is immortal, and works in its deallocator.

   Such an object was mortal when gc.immortalize_heap() was called: a stream
   that is still open.  It is deallocated last, once nothing mortal can need it
   any more.  Others may hold it still, and read its count and its type: so its
   memory is not given back, and it ends as it was, immortal.  Where that does
   not come about, finalize_gone.c sees to those others.

   In an unpatched interpreter it would have gone with what holds it, unless that
   stays alive to the end: so what can be reached from what C code holds, from
   the stacks of stopped threads, or from a tracer, is left alone; and all if
   there are suspended greenlets, of which nobody can see what they hold. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal.h"      // _Py_MakeImmortal()
#include "pycore_immortal_owned.h"
#include "pycore_immortal_port.h" // _PyPort_Modules()
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()

/* On the stack, the lowest bit says that what op refers to is done. */
#define DONE ((uintptr_t)1)

struct walk {
    _Py_walk_stack stack;
    PyObject *holder;       /* being expanded; borrowed */
    _Py_addrset owned;
    _Py_addrset *seen;      /* one of the next two */
    _Py_addrset held;       /* reached from what stays alive */
    _Py_addrset reached;    /* from what is owned */
    _Py_objlist order;      /* the last one comes first */
    _Py_addrset gone;       /* whose memory did not come back */
    int any_in_use;         /* _PyFinalize_AnyInUse() */
    int no_memory;
};

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
    return PyModule_Check(op) ||
        (w->seen == &w->reached &&
         (PyType_Check(op) || PyCode_Check(op) ||
          (PyDict_Check(op) && PyFunction_Check(w->holder))));
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
run_root(struct walk *w, PyObject *op)
{
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
add_boundaries(struct walk *w, PyInterpreterState *interp)
{
    PyObject *module, *modules = _PyPort_Modules(interp);
    Py_ssize_t pos = 0;
    while (modules != NULL && PyDict_Check(modules) &&
           PyDict_Next(modules, &pos, NULL, &module))
    {
        if (PyModule_Check(module)) {
            add(w, &w->held, PyModule_GetDict(module));
        }
    }
}

/* Walk from what was on the stacks of stopped threads.  1 if what stays alive
   cannot be known, because op is a suspended greenlet or for lack of memory. */
static int
walk_if_in_use(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (!_PyObject_IS_GC(op)) {
        return 1;
    }
    if (w->any_in_use && _PyFinalize_WasInUse(op)) {
        run_root(w, op);
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
    add_boundaries(w, interp);
    for (Py_ssize_t i = 0; i < n && !w->no_memory; i++) {
        run_root(w, shared[i]);
    }
    run_root(w, tstate->c_traceobj);
    run_root(w, tstate->c_profileobj);
    n = _PyImmortalHeap_Owned(&owned);
    for (Py_ssize_t i = 0; i < n; i++) {
        /* It may be on none of the collector's lists. */
        if (_PyFinalize_WasInUse(owned[i])) {
            run_root(w, owned[i]);
        }
    }
    w->any_in_use = _PyFinalize_AnyInUse();
    return !lists_visit(interp, walk_if_in_use, w) && !w->no_memory;
}

/* What refers to an object goes before it; of what is not known to refer to
   each other, the younger before the older, and capsules last: they hold what
   is not an object, for who knows whom.  Returns whether there are any. */
static int
find_order(struct walk *w, PyInterpreterState *interp)
{
    PyObject *const *owned;
    Py_ssize_t n = _PyImmortalHeap_Owned(&owned);
    for (Py_ssize_t i = 0; i < n; i++) {
        add(w, &w->owned, owned[i]);
    }
    if (n == 0 || !find_held(w, interp)) {
        return 0;
    }
    w->seen = &w->reached;
    for (int capsules = 1; capsules >= 0; capsules--) {
        for (Py_ssize_t i = 0; i < n; i++) {
            if (PyCapsule_CheckExact(owned[i]) == capsules) {
                run_root(w, owned[i]);
            }
        }
    }
    return !w->no_memory && w->order.size > 0;
}

/* What is being deallocated, and whether its memory came back, so that it is
   there for good.  Static: an allocator's ctx is its other functions', too. */
static struct {
    PyObject *object;
    int came_back;
} kept;

/* No object has more than this in front of it: the collector's header, and
   pointers to its dictionary and its weak references. */
#define IN_FRONT (4 * sizeof(void *))

static void
keep_memory(void *ctx, void *block)
{
    size_t offset = (char *)kept.object - (char *)block;
    if (offset <= IN_FRONT) {
        kept.came_back = 1;
    }
}

static int
visit_same(PyObject *op, void *arg)
{
    return op == arg;
}

/* Memory that does not come back waits in a list of the type's, to be used
   again, or was another allocator's: it is left alone.  0 then: there is no
   object any more. */
static int
deallocate(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    assert(_Py_IsImmortal(op));
    /* A capsule is tracked only if whoever made it has asked for it. */
    if (_PyObject_IS_GC(op) && !PyCapsule_CheckExact(op)) {
        if (!_PyObject_GC_IS_TRACKED(op)) {
            return 1;   /* not whole, or not any more */
        }
        /* What refers to itself is cleared first, as the collector does it: a
           deallocator does not expect to drop such a reference. */
        if (type->tp_clear != NULL &&
            type->tp_traverse(op, visit_same, op) != 0)
        {
            (void)type->tp_clear(op);
        }
    }
    kept.object = op;
    kept.came_back = 0;
    _Py_GiveLastReference(op);
    Py_DECREF(op);
    if (kept.came_back && !_Py_IsIncrefImmortal(op)) {
        _Py_MakeImmortal(op);
    }
    PyErr_Clear();
    return kept.came_back;
}

static void
deallocate_all(struct walk *w)
{
    PyMemAllocatorEx allocator;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &allocator);
    PyMemAllocatorEx keeping = allocator;
    keeping.free = keep_memory;
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &keeping);
    for (Py_ssize_t i = w->order.size; --i >= 0; ) {
        if (!deallocate(w->order.items[i])) {
            add(w, &w->gone, w->order.items[i]);
            w->order.items[i] = Py_NewRef(Py_None);
        }
    }
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &allocator);
}

/* What something mortal needs goes after it, and what it needs itself goes
   after that. */
void
_PyFinalize_Release(PyInterpreterState *interp)
{
    if (!_PyDeallocators_Work()) {
        return;
    }
    struct walk w = {.no_memory = 0};
    int any = _Py_IsMainInterpreter(interp) && find_order(&w, interp);
    _PyFinalize_ReleaseMortal(interp, any ? &w.reached : NULL, &w.gone);
    if (any) {
        deallocate_all(&w);
        if (_PyFinalize_ForgetGone(interp, &w.gone) == 0 && !w.no_memory) {
            _PyFinalize_ReleaseMortal(interp, NULL, &w.gone);
        }
    }
    if (_Py_IsMainInterpreter(interp)) {
        _PyImmortalHeap_ForgetOwned();
    }
    PyMem_RawFree(w.stack.entries);
    _Py_addrset_clear(&w.owned);
    _Py_addrset_clear(&w.held);
    _Py_addrset_clear(&w.reached);
    _Py_addrset_clear(&w.gone);
    _Py_objlist_clear(&w.order);
}
