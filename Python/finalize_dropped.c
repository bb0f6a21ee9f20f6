/* Finalization at shutdown: what is immortal, and was dropped.

   A finalizer may drop the last reference to what was open when the heap
   became immortal, and wait for what comes of that: for the other end of a
   socket to find it closed.  References to it are not counted, so nothing
   comes of it until its own turn.  Where a finalizer waits for long
   (finalize_early.c), this finds what is still held: what is not, is finalized
   without its turn.

   What only C code holds, without showing it, looks dropped as well.  It loses
   its place in the order, not its finalizer.

   The walk reads, but does not write. */

#include "Python.h"
#include "pycore_finalize_watch.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_port.h" // _PyPort_Frame()
#include "pycore_interp_walks.h"  // _PyInterpWalk_All()
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_type_walks.h"    // _PyStaticTypes_Visit()

struct walk {
    _Py_walk_stack stack;
    _Py_addrset *alive;
    int unknown;
};

static int
visit(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (Py_TYPE(op)->tp_finalize == NULL && !_PyObject_IS_GC(op)) {
        return 0;
    }
    int added = _Py_addrset_add(w->alive, op);
    if (added < 0 ||
        (added > 0 && _Py_walk_stack_push(&w->stack, op, 0) < 0))
    {
        w->unknown = 1;
    }
    return w->unknown;
}

static void
walk_from(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (op != NULL) {
        (void)visit(op, w);
    }
    while (w->stack.size > 0 && !w->unknown) {
        op = (PyObject *)w->stack.entries[--w->stack.size];
        if (_PyFinalize_CanExpand(op)) {
            (void)Py_TYPE(op)->tp_traverse(op, visit, w);
        }
    }
}

static void
walk_from_frame(_PyInterpreterFrame *frame, void *w)
{
    int n = _PyPort_FrameSlots(frame, 0);
    for (int i = 0; i < n; i++) {
        walk_from(_PyPort_FrameSlot(frame, i), w);
    }
    _PyPort_VisitFrame(frame, walk_from, w);
}

static void
walk_from_static_type(PyTypeObject *type, void *w)
{
    _PyPort_VisitStaticType(type, walk_from, w);
}

/* Nobody can see what a suspended greenlet holds; it does not want to be the
   collector's. */
static int
walk_from_mortal(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (!_PyObject_IS_GC(op)) {
        w->unknown = 1;
    }
    else if (!_Py_IsImmortal(op)) {
        walk_from(op, w);
    }
    return w->unknown;
}

int
_PyFinalize_FindAlive(PyInterpreterState *interp, PyObject *root,
                      _Py_addrset *alive)
{
    struct walk w = {.alive = alive};
    walk_from(root, &w);
    (void)lists_visit(interp, walk_from_mortal, &w);
    _PyInterpWalk_All(interp, walk_from, &w);
    _PyInterpWalk_Frames(interp, walk_from_frame, &w);
    w.unknown |= _PyStaticTypes_Visit(walk_from_static_type, &w) < 0;
    PyMem_RawFree(w.stack.entries);
    return w.unknown ? -1 : 0;
}
