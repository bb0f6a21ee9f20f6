/* Finalization at shutdown: an object is deallocated, and its memory stays.

   Others may hold it still, and read its count and its type
   (finalize_owned.c).  So while it is deallocated, its memory is not given
   back.  All other memory is: a destructor may run any code. */

#include "Python.h"
#include "pycore_finalize_release.h"
#include "pycore_immortal.h"      // _Py_MakeImmortal()
#include "pycore_object.h"        // _PyType_PreHeaderSize()

/* Static: an allocator's ctx is its other functions', too. */
static struct {
    PyMemAllocatorEx allocator;     /* that was there */
    int replaced;                   /* is there another one since? */
    PyObject *object;               /* being deallocated; or NULL */
    size_t in_front;                /* bytes that its memory has before it */
    int came_back;
} kept;

static void
keep_memory(void *ctx, void *block)
{
    size_t offset = (char *)kept.object - (char *)block;
    if (kept.object != NULL && offset <= kept.in_front) {
        kept.came_back = 1;
    }
    else {
        kept.allocator.free(ctx, block);
    }
}

static void
begin(PyObject *op)
{
    kept.object = op;
    kept.in_front = _PyType_PreHeaderSize(Py_TYPE(op));
    kept.came_back = 0;
    if (!kept.replaced) {
        PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &kept.allocator);
        PyMemAllocatorEx keeping = kept.allocator;
        keeping.free = keep_memory;
        PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &keeping);
    }
}

/* What the destructor ran may have put another allocator there (tracemalloc):
   on top of this one, or in place of it.  Then it is left there for good. */
static void
end(void)
{
    PyMemAllocatorEx now;
    kept.object = NULL;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &now);
    if (now.free == keep_memory) {
        PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &kept.allocator);
    }
    else {
        kept.replaced = 1;
    }
}

static int
visit_same(PyObject *op, void *arg)
{
    return op == arg;
}

int
_PyFinalize_Deallocate(PyObject *op)
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
    begin(op);
    _Py_GiveLastReference(op);
    Py_DECREF(op);
    end();
    if (kept.came_back) {
        if (!_Py_IsIncrefImmortal(op)) {
            _Py_MakeImmortal(op);
        }
        /* Methods, and tp_traverse, expect what the deallocator took away. */
        Py_SET_TYPE(op, &PyBaseObject_Type);
    }
    PyErr_Clear();
    return kept.came_back;
}
