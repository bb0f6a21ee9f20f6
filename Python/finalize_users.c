/* Finalization at shutdown: what may use what is about to be deallocated.

   finalize_owned.c deallocates what was open when the heap became immortal.
   An object of an extension module's that came later may need it, in its own
   deallocator at the latest: an array needs its data type.  That reference was
   not counted, and need not be shown: arrays are not the collector's.

   What came later was released, but where it could not be cut off: from a
   class, from a module's state, from a frame that has not returned.  It goes
   when modules are cleared, or never.  The code that deallocates it, and so
   uses what it refers to, is known; and so are the references that it
   shows. */

#include "Python.h"
#include "pycore_deallocators.h"  // _PyDeallocators_Library()
#include "pycore_finalize_release.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_object.h"        // _PyObject_IS_GC()

struct walk {
    _Py_finalize_users *users;
    _Py_addrset *leaving;
    _Py_walk_stack stack;   /* what the collector does not track */
    _Py_addrset seen;       /* of that */
    _Py_addrset noted;
    PyObject *holder;       /* being expanded; borrowed */
    int no_memory;
};

/* Does the deallocator of op, which is mortal, call code of what op refers to?
   That of a memoryview gives back the buffer. */
static int
calls_others(struct walk *w, PyObject *op)
{
    return PyMemoryView_Check(op) ||
        _PyDeallocators_DoMore(&w->users->deallocators, op);
}

static void
note(struct walk *w, PyObject *op)
{
    int added = _Py_addrset_add(&w->noted, op);
    if (added == 0) {
        return;
    }
    if (added < 0 || _Py_objlist_append(&w->users->objects, op) < 0 ||
        (!PyMemoryView_Check(op) &&
         _Py_addrset_add(&w->users->libraries, _PyDeallocators_Library(
             &w->users->deallocators, op)) < 0))
    {
        w->no_memory = 1;
    }
}

static int
visit(PyObject *op, void *arg)
{
    struct walk *w = arg;
    int immortal = _Py_IsImmortal(op);
    /* What can be cut off from what is leaving goes right after it. */
    if (!immortal && calls_others(w, op) &&
        !(_Py_addrset_has(w->leaving, w->holder) &&
          _PyFinalize_CanBeCut(w->holder)))
    {
        note(w, op);
    }
    /* What is immortal and not tracked has got nothing since, but for
       dictionaries. */
    if (_PyObject_IS_GC(op) && !_PyObject_GC_IS_TRACKED(op) &&
        (immortal ? PyDict_Check(op) : PyDict_Check(op) || PyTuple_Check(op)))
    {
        int added = _Py_addrset_add(&w->seen, op);
        if (added < 0 ||
            (added > 0 && _Py_walk_stack_push(&w->stack, op, 0) < 0))
        {
            w->no_memory = 1;
        }
    }
    return w->no_memory;
}

static void
expand(struct walk *w, PyObject *op)
{
    if (_PyFinalize_CanExpand(op)) {
        w->holder = op;
        Py_TYPE(op)->tp_traverse(op, visit, w);
    }
}

static int
look_at(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (!_Py_IsImmortal(op) && calls_others(w, op) &&
        !_Py_addrset_has(w->leaving, op))
    {
        /* Perhaps C code alone holds it, and nothing will show it. */
        note(w, op);
    }
    expand(w, op);
    while (w->stack.size > 0 && !w->no_memory) {
        expand(w, (PyObject *)w->stack.entries[--w->stack.size]);
    }
    return w->no_memory;
}

int
_PyFinalize_FindUsers(PyInterpreterState *interp, _Py_addrset *leaving,
                      _Py_finalize_users *users)
{
    struct walk w = {.users = users, .leaving = leaving};
    (void)lists_visit(interp, look_at, &w);
    PyMem_RawFree(w.stack.entries);
    _Py_addrset_clear(&w.seen);
    _Py_addrset_clear(&w.noted);
    return w.no_memory ? -1 : 0;
}

int
_PyFinalize_MayBeUsed(_Py_finalize_users *users, PyObject *op)
{
    return users->libraries.used > 0 &&
        _Py_addrset_has(&users->libraries, _PyDeallocators_Library(
            &users->deallocators, op));
}

void
_PyFinalize_ClearUsers(_Py_finalize_users *users)
{
    _Py_objlist_clear(&users->objects);
    _Py_addrset_clear(&users->libraries);
    _PyDeallocators_Clear(&users->deallocators);
}

int
_PyFinalize_HasOwnedDefinition(PyObject *op, _Py_addrset *owned)
{
    PyObject *self = PyCFunction_Check(op) ?
        ((PyCFunctionObject *)op)->m_self : NULL;
    if (self == NULL || !_Py_addrset_has(owned, self)) {
        return 0;
    }
    PyTypeObject *type = Py_TYPE(self);
    for (; type != NULL; type = type->tp_base) {
        PyMethodDef *def = type->tp_methods;
        for (; def != NULL && def->ml_name != NULL; def++) {
            if (def == ((PyCFunctionObject *)op)->m_ml) {
                return 0;
            }
        }
    }
    return 1;
}
