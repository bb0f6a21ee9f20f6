/* Finalization at shutdown: objects whose memory did not stay.

   finalize_owned.c deallocates what is immortal, and others may refer to it
   still: the memory is kept, so that they can read its count and its type.
   But a deallocator may put an object into a list of its own, to be used
   again, with a link where the count was, or give its memory to free().  There
   is no object then, and nobody may look at it, least of all drop a reference
   to it.

   In lists, tuples, sets and dictionaries None takes its place, and the
   reference is not dropped: it was one to something immortal, and so not
   counted.  (As a key, None has a hash that is not its own: nobody finds it by
   that.)  Whatever else refers to it becomes immortal, which drops no
   reference either.

   Addresses are compared; what is gone is not read. */

#include "Python.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Slots()
#include "pycore_finalize_release.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal.h"      // _Py_EnsureImmortal()
#include "pycore_immortal_port.h" // _PyPort_DictChanges()
#include "pycore_object.h"        // _PyObject_IS_GC()

struct walk {
    _Py_addrset *gone;
    _Py_addrset seen;       /* dictionaries and tuples on none of the lists */
    _Py_addrset dicts;      /* in which something was replaced */
    _Py_walk_stack stack;
    int found;              /* does what is looked at refer to what is gone? */
    int no_memory;
};

static void
replace(PyObject **slot, void *arg)
{
    struct walk *w = arg;
    if (*slot != NULL && _Py_addrset_has(w->gone, *slot)) {
        *slot = Py_NewRef(Py_None);
    }
}

static void
replace_items(struct walk *w, PyObject **items, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        replace(&items[i], w);
    }
}

static void
replace_in_set(struct walk *w, PySetObject *set)
{
    for (Py_ssize_t i = 0; i <= set->mask; i++) {
        replace(&set->table[i].key, w);
    }
}

/* Where all keys are strings, these are not gone. */
static void
replace_in_dict(struct walk *w, PyDictObject *dict)
{
    PyDictKeysObject *keys = dict->ma_keys;
    _PyPort_DictChanges(dict);
    for (Py_ssize_t i = 0; !DK_IS_UNICODE(keys) && i < keys->dk_nentries;
         i++)
    {
        replace(&DK_ENTRIES(keys)[i].me_key, w);
    }
    _PyDictWalk_Slots(dict, replace, w);
    if (_Py_addrset_add(&w->dicts, dict) < 0) {
        w->no_memory = 1;
    }
}

static int
visit(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (_Py_addrset_has(w->gone, op)) {
        w->found = 1;
    }
    else if ((PyDict_Check(op) || PyTuple_Check(op)) &&
             !_PyObject_GC_IS_TRACKED(op))
    {
        int added = _Py_addrset_add(&w->seen, op);
        if (added < 0 ||
            (added > 0 && _Py_walk_stack_push(&w->stack, op, 0) < 0))
        {
            w->no_memory = 1;
        }
    }
    return 0;
}

static int
refers_to_gone(struct walk *w, PyObject *op)
{
    w->found = 0;
    if (_PyFinalize_CanExpand(op)) {
        (void)Py_TYPE(op)->tp_traverse(op, visit, w);
    }
    return w->found;
}

static void
mend(struct walk *w, PyObject *op)
{
    if (!refers_to_gone(w, op)) {
        return;
    }
    if (PyList_Check(op)) {
        replace_items(w, ((PyListObject *)op)->ob_item, PyList_GET_SIZE(op));
    }
    else if (PyTuple_Check(op)) {
        replace_items(w, ((PyTupleObject *)op)->ob_item,
                      PyTuple_GET_SIZE(op));
    }
    else if (PyDict_Check(op)) {
        replace_in_dict(w, (PyDictObject *)op);
    }
    else if (PyAnySet_Check(op)) {
        replace_in_set(w, (PySetObject *)op);
    }
    if (refers_to_gone(w, op)) {
        _Py_EnsureImmortal(op);
    }
}

static int
mend_all(PyObject *op, void *arg)
{
    struct walk *w = arg;
    mend(w, op);
    while (w->stack.size > 0) {
        mend(w, (PyObject *)w->stack.entries[--w->stack.size]);
    }
    return w->no_memory;
}

int
_PyFinalize_ForgetGone(PyInterpreterState *interp, _Py_addrset *gone)
{
    struct walk w = {.gone = gone};
    if (gone->used > 0) {
        (void)lists_visit(interp, mend_all, &w);
        _PyFinalize_ForgetCached(interp, &w.dicts);
    }
    PyMem_RawFree(w.stack.entries);
    _Py_addrset_clear(&w.seen);
    _Py_addrset_clear(&w.dicts);
    return w.no_memory ? -1 : 0;
}
