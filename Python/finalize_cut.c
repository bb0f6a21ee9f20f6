/* Finalization at shutdown: a reference is cut.

   What held the object has None in its place; a key goes, a slot is empty; and
   an object of a type that nothing is known of is cleared, as the collector
   would clear it.  The collector does so with what nobody can reach.  This one
   may still be bound to a name: it is nothing but an object from then on. */

#include "Python.h"
#include "pycore_finalize_release.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_object.h"        // _PyObject_GetDictPtr()
#include "pycore_type_walks.h"    // _PyMembers_Visit()

static void
cut_from_dict(PyObject *dict, PyObject *held)
{
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    if (PyDict_Contains(dict, held) == 1) {
        (void)PyDict_DelItem(dict, held);
    }
    PyErr_Clear();
    while (PyDict_Next(dict, &pos, &key, &value)) {
        if (value == held) {
            /* The key is there: to replace its value changes nothing that
               PyDict_Next() relies on. */
            Py_INCREF(key);
            (void)PyDict_SetItem(dict, key, Py_None);
            Py_DECREF(key);
        }
    }
}

static void
cut_from_array(PyObject **items, Py_ssize_t n, PyObject *held)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        if (items[i] == held) {
            items[i] = Py_NewRef(Py_None);
            Py_DECREF(held);
        }
    }
}

static void
cut_from_set(PyObject *set, PyObject *held)
{
    if (PySet_Contains(set, held) != 1) {
        return;
    }
    if (PySet_Check(set)) {
        (void)PySet_Discard(set, held);
    }
    else {
        (void)PyFrozenSet_Type.tp_clear(set);   /* it cannot lose one */
    }
}

/* In what the type of op, or a base of it, is known to hold. */
static void
cut_from_contents(PyObject *op, PyObject *held)
{
    if (PyDict_Check(op)) {
        cut_from_dict(op, held);
    }
    else if (PyList_Check(op)) {
        cut_from_array(((PyListObject *)op)->ob_item, PyList_GET_SIZE(op),
                       held);
    }
    else if (PyTuple_Check(op)) {
        cut_from_array(((PyTupleObject *)op)->ob_item, PyTuple_GET_SIZE(op),
                       held);
    }
    else if (PyAnySet_Check(op)) {
        cut_from_set(op, held);
    }
    else if (PyCell_Check(op) && PyCell_GET(op) == held) {
        /* A function takes it for granted that it has cells. */
        (void)PyCell_Set(op, Py_None);
    }
    else if (PyFrame_Check(op)) {
        /* As frame.clear() does it: what reads a traceback still can. */
        (void)PyFrame_Type.tp_clear(op);
    }
}

static void
cut_from_slot(PyObject **slot, PyMemberDef *def, PyTypeObject *type,
              void *held)
{
    if (def->type == T_OBJECT_EX && *slot == held &&
        (type->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
        ((PyHeapTypeObject *)type)->ht_slots != NULL)
    {
        *slot = NULL;
        Py_DECREF((PyObject *)held);
    }
}

/* Dictionaries that an object refers to, and no other does. */
struct dicts {
    PyObject *items[8];         /* borrowed: they are immortal */
    int n;
    int adding;                 /* 1: add; -1: remove */
};

static int
visit_dict(PyObject *op, void *arg)
{
    struct dicts *dicts = arg;
    if (!PyDict_CheckExact(op) || !_Py_IsImmortal(op)) {
        return 0;
    }
    for (int i = 0; i < dicts->n; i++) {
        if (dicts->items[i] == op) {
            if (dicts->adding < 0) {
                dicts->items[i] = dicts->items[--dicts->n];
            }
            return 0;
        }
    }
    if (dicts->adding > 0 && dicts->n < (int)Py_ARRAY_LENGTH(dicts->items)) {
        dicts->items[dicts->n++] = op;
    }
    return 0;
}

/* Those that other refers to have another holder.  Not 0 once none is left. */
static int
look_for_dicts(PyObject *other, void *arg)
{
    struct dicts *dicts = arg;
    if (dicts->n > 0) {
        Py_TYPE(other)->tp_traverse(other, visit_dict, dicts);
    }
    return dicts->n == 0;
}

/* What a tp_clear leaves, as that of a property leaves its functions. */
static void
cut_from_member(PyObject **slot, PyMemberDef *Py_UNUSED(def),
                PyTypeObject *Py_UNUSED(type), void *held)
{
    if (*slot == held) {
        *slot = NULL;
        Py_DECREF((PyObject *)held);
    }
}

/* Leave nothing of op that anyone could use: its methods expect what tp_clear
   took away.  Its deallocator, which does no work, does not run any more. */
static void
make_plain(PyObject *op)
{
    if (PyType_SUPPORTS_WEAKREFS(Py_TYPE(op))) {
        PyWeakReference **list =
            (PyWeakReference **)_PyObject_GET_WEAKREFS_LISTPTR(op);
        while (*list != NULL) {
            _PyWeakref_ClearRef(*list);
        }
    }
    PyObject_GC_UnTrack(op);
    Py_INCREF(op);
    Py_SET_TYPE(op, &PyBaseObject_Type);
}

/* Clear op, of a type that nothing is known of, which holds held.  A
   dictionary that it let go of, and that no other object refers to, would have
   been freed if it were mortal (the cache of a functools.lru_cache()). */
static void
clear_holder(PyInterpreterState *interp, PyObject *op, PyObject *held)
{
    PyTypeObject *type = Py_TYPE(op);
    struct dicts dicts = {.adding = 1};
    if (_Py_IsImmortal(op)) {
        type->tp_traverse(op, visit_dict, &dicts);
    }
    (void)type->tp_clear(op);
    _PyMembers_Visit(op, cut_from_member, held);
    make_plain(op);
    dicts.adding = -1;
    (void)lists_visit(interp, look_for_dicts, &dicts);
    for (int i = 0; i < dicts.n; i++) {
        PyDict_Clear(dicts.items[i]);
    }
}

static int
visit_same(PyObject *op, void *held)
{
    return op == held;
}

static int
refers_to(PyObject *holder, PyObject *held)
{
    traverseproc traverse = Py_TYPE(holder)->tp_traverse;
    return traverse != NULL && traverse(holder, visit_same, held) != 0;
}

/* The containers that all else is made of.  What remains in one of them is a
   key whose __hash__() fails. */
static int
is_plain_container(PyObject *op)
{
    return PyDict_CheckExact(op) || PyList_CheckExact(op) ||
        PyTuple_CheckExact(op);
}

int
_PyFinalize_Cut(PyInterpreterState *interp, PyObject *holder, PyObject *held,
                int clear)
{
    int left = 0;
    _Py_finalize_streams streams = {0};     /* of now: they may be others */
    /* An instance of a subclass can hold it in several ways. */
    _PyMembers_Visit(holder, cut_from_slot, held);
    cut_from_contents(holder, held);
    PyErr_Clear();
    PyObject **dict = _PyObject_GetDictPtr(holder);
    if (dict != NULL && *dict != NULL) {
        cut_from_dict(*dict, held);
    }
    PyErr_Clear();
    if (!is_plain_container(holder) && Py_TYPE(holder)->tp_clear != NULL &&
        !_PyFinalize_IsInterpretersStream(interp, &streams, holder) &&
        refers_to(holder, held))
    {
        left = !clear;
        if (clear) {
            clear_holder(interp, holder, held);
        }
    }
    PyErr_Clear();
    return left;
}
