/* Finalization at shutdown: what is immortal, and works in its deallocator.

   Such an object was mortal when gc.immortalize_heap() was called: a stream
   that is still open.  It is deallocated last, once nothing mortal can need it
   any more.  Others may hold it still, and read its count and its type: so its
   memory is not given back, and it ends as it was, immortal. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc.h"            // _PyObject_GC_IS_TRACKED()
#include "pycore_immortal.h"      // _Py_MakeImmortal()
#include "pycore_immortal_owned.h"
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()

/* On the stack, the lowest bit says that what op refers to is done. */
#define DONE ((uintptr_t)1)

struct walk {
    uintptr_t *stack;
    Py_ssize_t size;
    Py_ssize_t allocated;
    PyObject *holder;       /* being expanded; borrowed */
    _Py_addrset owned;
    _Py_addrset seen;
    _Py_objlist order;      /* the last one comes first */
    int no_memory;
};

static void
push(struct walk *w, PyObject *op, uintptr_t flag)
{
    if (w->size == w->allocated) {
        uintptr_t *stack = _PyFinalize_Grow(w->stack, &w->allocated,
                                            sizeof(*stack));
        if (stack == NULL) {
            w->no_memory = 1;
            return;
        }
        w->stack = stack;
    }
    w->stack[w->size++] = (uintptr_t)op | flag;
}

/* Is op one that everything can be reached from? */
static int
is_boundary(PyObject *op, PyObject *holder)
{
    return PyModule_Check(op) || PyType_Check(op) || PyCode_Check(op) ||
        (PyDict_Check(op) && PyFunction_Check(holder));
}

static int
visit(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if ((_PyObject_IS_GC(op) || _Py_addrset_has(&w->owned, op)) &&
        !is_boundary(op, w->holder) && !_Py_addrset_has(&w->seen, op))
    {
        push(w, op, 0);
    }
    return 0;
}

static void
expand(struct walk *w, PyObject *op)
{
    if (_Py_addrset_has(&w->owned, op)) {
        push(w, op, DONE);
    }
    /* What is not tracked may be half made, but for tuples and dicts. */
    if (_PyObject_IS_GC(op) &&
        (_PyObject_GC_IS_TRACKED(op) || PyDict_Check(op) || PyTuple_Check(op)))
    {
        w->holder = op;
        Py_TYPE(op)->tp_traverse(op, visit, w);
    }
}

static void
run(struct walk *w)
{
    while (w->size > 0 && !w->no_memory) {
        uintptr_t entry = w->stack[--w->size];
        PyObject *op = (PyObject *)(entry & ~DONE);
        if (entry & DONE) {
            if (_Py_objlist_append(&w->order, op) < 0) {
                w->no_memory = 1;
            }
            continue;
        }
        int added = _Py_addrset_add(&w->seen, op);
        if (added < 0) {
            w->no_memory = 1;
        }
        if (added > 0) {
            expand(w, op);
        }
    }
}

/* What refers to an object goes before it; of what is not known to refer to
   each other, the younger before the older, and capsules last: they hold what
   is not an object, for who knows whom.  Returns 0, or -1 for lack of memory
   (without an exception). */
static int
find_order(struct walk *w, PyObject *const *owned, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        if (_Py_addrset_add(&w->owned, owned[i]) < 0) {
            return -1;
        }
    }
    for (int capsules = 1; capsules >= 0; capsules--) {
        for (Py_ssize_t i = 0; i < n; i++) {
            if (PyCapsule_CheckExact(owned[i]) == capsules) {
                push(w, owned[i], 0);
                run(w);
            }
        }
    }
    return w->no_memory ? -1 : 0;
}

static void
keep_memory(void *ctx, void *block)
{
}

static void
deallocate(PyObject *op)
{
    if (_PyObject_IS_GC(op) && !_PyObject_GC_IS_TRACKED(op)) {
        return;     /* not whole, or not any more */
    }
    assert(_Py_IsImmortal(op));
    _Py_GiveLastReference(op);
    Py_DECREF(op);
    if (!_Py_IsIncrefImmortal(op)) {
        _Py_MakeImmortal(op);
    }
    PyErr_Clear();
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
        deallocate(w->order.items[i]);
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
    PyObject *const *owned;
    Py_ssize_t n = !_Py_IsMainInterpreter(interp) ? 0 :
        _PyImmortalHeap_Owned(&owned);
    if (n > 0 && find_order(&w, owned, n) < 0) {
        n = 0;
    }
    _PyFinalize_ReleaseMortal(interp, n > 0 ? &w.seen : NULL);
    if (n > 0) {
        deallocate_all(&w);
        _PyFinalize_ReleaseMortal(interp, NULL);
        _PyImmortalHeap_ForgetOwned();
    }
    PyMem_RawFree(w.stack);
    _Py_addrset_clear(&w.owned);
    _Py_addrset_clear(&w.seen);
    _Py_objlist_clear(&w.order);
}
