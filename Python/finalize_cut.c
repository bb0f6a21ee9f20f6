/* Finalization at shutdown: a reference is cut.

   What held the object has None in its place; a key goes, a slot is empty; and
   an object of a type that nothing is known of is cleared, as the collector
   would clear it. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_object.h"        // _PyObject_GetDictPtr()
#include "pycore_type_walks.h"    // _PyMembers_Visit()

static int
cut_from_dict(PyObject *dict, PyObject *held)
{
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    int found = PyDict_Contains(dict, held) == 1 &&
        PyDict_DelItem(dict, held) == 0;
    while (PyDict_Next(dict, &pos, &key, &value)) {
        if (value == held) {
            /* The key is there: to replace its value changes nothing that
               PyDict_Next() relies on. */
            Py_INCREF(key);
            found |= PyDict_SetItem(dict, key, Py_None) == 0;
            Py_DECREF(key);
        }
    }
    return found;
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

struct slots {
    PyObject *held;
    int found;
};

static void
cut_from_slot(PyObject **slot, PyMemberDef *def, PyTypeObject *type, void *arg)
{
    struct slots *slots = arg;
    if (def->type == T_OBJECT_EX && *slot == slots->held &&
        (type->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
        ((PyHeapTypeObject *)type)->ht_slots != NULL)
    {
        *slot = NULL;
        Py_DECREF(slots->held);
        slots->found = 1;
    }
}

/* In the __slots__ of classes. */
static int
cut_from_slots(PyObject *op, PyObject *held)
{
    struct slots slots = {.held = held};
    _PyMembers_Visit(op, cut_from_slot, &slots);
    return slots.found;
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

/* Clear op, which is of a type that nothing is known of.  A dictionary that it
   let go of, and that no other object refers to, would have been freed if it
   were mortal (the cache of a functools.lru_cache()). */
static void
clear(PyInterpreterState *interp, PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    struct dicts dicts = {.adding = 1};
    if (_Py_IsImmortal(op)) {
        type->tp_traverse(op, visit_dict, &dicts);
    }
    (void)type->tp_clear(op);
    dicts.adding = -1;
    (void)lists_visit(interp, look_for_dicts, &dicts);
    for (int i = 0; i < dicts.n; i++) {
        PyDict_Clear(dicts.items[i]);
    }
}

void
_PyFinalize_Cut(PyInterpreterState *interp, PyObject *holder, PyObject *held)
{
    if (PyDict_Check(holder)) {
        cut_from_dict(holder, held);
    }
    else if (PyList_Check(holder)) {
        cut_from_array(((PyListObject *)holder)->ob_item,
                       PyList_GET_SIZE(holder), held);
    }
    else if (PyTuple_Check(holder)) {
        cut_from_array(((PyTupleObject *)holder)->ob_item,
                       PyTuple_GET_SIZE(holder), held);
    }
    else {
        PyObject **dict = _PyObject_GetDictPtr(holder);
        int found = cut_from_slots(holder, held);
        if (dict != NULL && *dict != NULL) {
            found |= cut_from_dict(*dict, held);
        }
        if (!found && PySet_Check(holder)) {
            found = PySet_Discard(holder, held) == 1;
        }
        if (!found && Py_TYPE(holder)->tp_clear != NULL) {
            clear(interp, holder);
        }
    }
    PyErr_Clear();
}
