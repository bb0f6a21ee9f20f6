/* Visits of what an object refers to, most of them without a call.

   This file is part of the collector, which includes it first; gc_full_refs.h
   and gc_survivors.h do so too, for the patches before that one. */

#ifndef GC_TRAVERSE_H
#define GC_TRAVERSE_H

/* Call visit(referent, arg) for each object that op refers to, as op's
 * tp_traverse does, in the same order.  visit has to be a function that is
 * known where this is used and never asks to stop: where op is an exact list
 * or tuple, its items are walked here, and the compiler puts the body of visit
 * into the loop.  In tp_traverse it is a call of a pointer, which a profile
 * can replace with one of the callbacks only, the one that collections of the
 * youngest objects use.
 */
static inline Py_ALWAYS_INLINE void
visit_referents(PyObject *op, visitproc visit, void *arg)
{
    PyObject **items;
    if (PyList_CheckExact(op)) {
        items = ((PyListObject *)op)->ob_item;
    }
    else if (PyTuple_CheckExact(op)) {
        items = ((PyTupleObject *)op)->ob_item;
    }
    else {
        (void) Py_TYPE(op)->tp_traverse(op, visit, arg);
        return;
    }
    for (Py_ssize_t i = Py_SIZE(op); --i >= 0; ) {
        if (items[i] != NULL) {
            (void) visit(items[i], arg);
        }
    }
}

#endif   /* !GC_TRAVERSE_H */
