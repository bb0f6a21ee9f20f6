/* Finalization at shutdown: what is still there when its turn comes.

   A finalizer may drop the last reference to an object whose turn is yet to
   come, and count on that to be gone: a socket that is closed, a file that is
   written, a lock that is released.  So while finalizers run, the list of what
   is to be finalized has no references of its own.  Whether an object on it is
   still there, its memory tells: free() of the objects' allocator is the one
   below for that time.

   The same goes for weak references that are to be called back: who drops one
   does not want to be called.

   If a finalizer puts another allocator in its place (tracemalloc.stop()
   does), it is not known any more what is there. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_port.h" // _PyPort_LockInterpreters()
#include "pycore_object.h"        // _PyObject_GC_IS_TRACKED()

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

/* All but free() stays, ctx too: another thread may be reading them.  If a
   finalizer had taken note_free() away, lists further out have missed what
   went since then. */
static void
begin(void)
{
    int called = is_called();
    for (_Py_finalize_order *o = running; o != NULL && !called; o = o->outer) {
        o->unknown = 1;
    }
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

/* Is op alive, whose memory is still there?  A type may keep the memory of
   what was deallocated, to use it again: for an object that the collector does
   not track, or without a count.  (Of one of the collector's there is no count
   in such a list, perhaps.) */
static int
is_alive(PyObject *op)
{
    return _PyObject_IS_GC(op) ? _PyObject_GC_IS_TRACKED(op)
                               : Py_REFCNT(op) > 0;
}

/* Does the memory of op go to free() when op is deallocated, or is it seen
   otherwise?  A reference to op that is the last one is not dropped. */
static int
can_borrow(PyObject *op)
{
    freefunc free = Py_TYPE(op)->tp_free;
    return !_Py_IsImmortal(op) && Py_REFCNT(op) > 1 && is_alive(op) &&
        (free == PyObject_GC_Del || free == PyObject_Free);
}

#define OWNED UCHAR_MAX

/* An object can be on both lists. */
static unsigned char *
borrow(const _Py_objlist *list, _Py_addrset *memory)
{
    unsigned char *in_front = PyMem_RawMalloc(list->size);
    for (Py_ssize_t i = 0; in_front != NULL && i < list->size; i++) {
        PyObject *op = list->items[i];
        size_t size = _PyType_PreHeaderSize(Py_TYPE(op));
        in_front[i] = OWNED;
        if (can_borrow(op) && _Py_addrset_add(memory, (char *)op - size) >= 0)
        {
            in_front[i] = (unsigned char)size;
            Py_DECREF(op);
        }
    }
    return in_front;
}

void
_PyFinalize_BorrowObjects(_Py_finalize_order *order)
{
    if (order->objects.size == 0 && order->watchers.size == 0) {
        return;
    }
    begin();
    order->borrowing = 1;
    order->outer = running;
    running = order;
    order->in_front = borrow(&order->objects, &order->memory);
    order->watchers_in_front = borrow(&order->watchers, &order->memory);
}

static PyObject *
take(_Py_finalize_order *order, PyObject *op, const unsigned char *in_front)
{
    order->unknown |= order->borrowing && !is_called();
    if (order->unknown ||
        (in_front != NULL && *in_front != OWNED &&
         !(_Py_addrset_has(&order->memory, (char *)op - *in_front) &&
           is_alive(op))))
    {
        return NULL;
    }
    return Py_NewRef(op);
}

PyObject *
_PyFinalize_TakeObject(_Py_finalize_order *order, Py_ssize_t i)
{
    return take(order, order->objects.items[i],
                order->in_front == NULL ? NULL : &order->in_front[i]);
}

PyObject *
_PyFinalize_TakeWatcher(_Py_finalize_order *order, Py_ssize_t i)
{
    return take(order, order->watchers.items[i],
                order->watchers_in_front == NULL ? NULL :
                &order->watchers_in_front[i]);
}

/* Without memory, all of list was owned. */
static void
give_back(_Py_objlist *list, unsigned char **in_front)
{
    if (*in_front == NULL) {
        return;
    }
    for (Py_ssize_t i = 0; i < list->size; i++) {
        if ((*in_front)[i] == OWNED) {
            Py_DECREF(list->items[i]);
        }
    }
    list->size = 0;
    PyMem_RawFree(*in_front);
    *in_front = NULL;
}

void
_PyFinalize_ReturnObjects(_Py_finalize_order *order)
{
    if (!order->borrowing) {
        return;
    }
    assert(running == order);
    running = order->outer;
    order->borrowing = 0;
    end();
    give_back(&order->objects, &order->in_front);
    give_back(&order->watchers, &order->watchers_in_front);
    _Py_addrset_clear(&order->memory);
}
