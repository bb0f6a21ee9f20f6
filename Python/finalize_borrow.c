/* Finalization at shutdown: what is still there when its turn comes.

   A finalizer may drop the last reference to an object whose turn is yet to
   come, and count on that to be gone: a socket that is closed, a file that is
   written, a lock that is released.  So while finalizers run, the list of what
   is to be finalized has no references of its own.  Whether an object on it is
   still there, its memory tells: free() of the objects' allocator is the one
   below for that time.

   If a finalizer puts another allocator in its place (tracemalloc.stop()
   does), it is not known any more what is there. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_port.h" // _PyPort_LockInterpreters()
#include "pycore_object.h"        // _PyType_PreHeaderSize()

/* The list that the calling thread runs, and those around it: a finalizer may
   end another interpreter. */
static _PyPort_THREAD_LOCAL _Py_finalize_order *running = NULL;

/* To be freed, to see whether note_free() is called. */
static _PyPort_THREAD_LOCAL void *probe = NULL;

/* Of all threads.  Interpreters can have a GIL each. */
static struct {
    PyMemAllocatorEx allocator;     /* that does the work */
    int users;
} below;

/* Called with what becomes free, in any thread. */
static void
note_free(void *ctx, void *block)
{
    for (_Py_finalize_order *o = running; o != NULL; o = o->outer) {
        _Py_addrset_discard(&o->memory, block);
    }
    if (block == probe) {
        probe = NULL;
    }
    below.allocator.free(ctx, block);
}

/* Is note_free() called, perhaps by another allocator? */
static int
is_called(void)
{
    PyMemAllocatorEx now;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &now);
    if (now.free == note_free) {
        return 1;
    }
    void *block = PyObject_Malloc(1);
    probe = block;
    PyObject_Free(block);
    int result = block != NULL && probe == NULL;
    probe = NULL;
    return result;
}

/* All but free() stays, ctx too: another thread may be reading them. */
static void
begin(void)
{
    int called = is_called();
    _PyPort_LockInterpreters();
    if (!called) {
        PyMemAllocatorEx noting;
        PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &noting);
        if (noting.free != note_free) {
            below.allocator = noting;
            noting.free = note_free;
            PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &noting);
        }
    }
    below.users++;
    _PyPort_UnlockInterpreters();
}

/* An allocator that was put on top of this one needs it for good. */
static void
end(void)
{
    PyMemAllocatorEx now;
    _PyPort_LockInterpreters();
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &now);
    if (--below.users == 0 && now.free == note_free) {
        PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &below.allocator);
    }
    _PyPort_UnlockInterpreters();
}

/* Does the memory of op go to free() when op is deallocated?  A reference to
   op that is the last one is not dropped. */
static int
can_borrow(PyObject *op)
{
    freefunc free = Py_TYPE(op)->tp_free;
    return !_Py_IsImmortal(op) && Py_REFCNT(op) > 1 &&
        (free == PyObject_GC_Del || free == PyObject_Free);
}

#define OWNED UCHAR_MAX

void
_PyFinalize_BorrowObjects(_Py_finalize_order *order)
{
    _Py_objlist *list = &order->objects;
    if (list->size == 0 ||
        (order->in_front = PyMem_RawMalloc(list->size)) == NULL)
    {
        return;
    }
    begin();
    order->outer = running;
    running = order;
    for (Py_ssize_t i = 0; i < list->size; i++) {
        PyObject *op = list->items[i];
        size_t in_front = _PyType_PreHeaderSize(Py_TYPE(op));
        order->in_front[i] = OWNED;
        if (can_borrow(op) &&
            _Py_addrset_add(&order->memory, (char *)op - in_front) > 0)
        {
            order->in_front[i] = (unsigned char)in_front;
            Py_DECREF(op);
        }
    }
}

int
_PyFinalize_AreDeathsKnown(_Py_finalize_order *order)
{
    return order->in_front == NULL || is_called();
}

PyObject *
_PyFinalize_TakeObject(_Py_finalize_order *order, Py_ssize_t i)
{
    PyObject *op = order->objects.items[i];
    if (order->in_front != NULL && order->in_front[i] != OWNED) {
        char *block = (char *)op - order->in_front[i];
        /* What is in a list of its type's, to be used again, was finalized:
           there is no count, perhaps. */
        if (!_Py_addrset_has(&order->memory, block) ||
            (_PyObject_IS_GC(op) && _PyGC_FINALIZED(op)))
        {
            return NULL;
        }
    }
    return Py_NewRef(op);
}

void
_PyFinalize_ReturnObjects(_Py_finalize_order *order)
{
    _Py_objlist *list = &order->objects;
    if (order->in_front == NULL) {
        return;
    }
    assert(running == order);
    running = order->outer;
    end();
    for (Py_ssize_t i = 0; i < list->size; i++) {
        if (order->in_front[i] == OWNED) {
            Py_DECREF(list->items[i]);
        }
    }
    list->size = 0;
    PyMem_RawFree(order->in_front);
    order->in_front = NULL;
    _Py_addrset_clear(&order->memory);
}
