/* Finalization at shutdown: a reference is cut.

   What held the object has None in its place; a key goes, a slot is empty; and
   an object of a type that nothing is known of is cleared, as the collector
   would clear it.  The collector does so with what nobody can reach.  This one
   may still be bound to a name: it is nothing but an object from then on.

   One holder may hold very many: it is gone through once for all of them. */

#include "Python.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Slots()
#include "pycore_finalize_release.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_port.h" // _PyPort_DictChanges()
#include "pycore_object.h"        // _PyObject_GetDictPtr()
#include "pycore_type_walks.h"    // _PyMembers_Visit()

static int
is_held(const _Py_finalize_held *held, PyObject *op)
{
    return held->many != NULL ? _Py_addrset_has(held->many, op) :
        op == held->one;
}

static void
replace(PyObject **slot, void *held)
{
    PyObject *op = *slot;
    if (is_held(held, op)) {
        *slot = Py_NewRef(Py_None);
        Py_DECREF(op);
    }
}

/* Let slot i of a table of keys lead to no entry; what comes by goes on. */
static void
set_dummy(PyDictKeysObject *keys, size_t i)
{
    switch (keys->dk_log2_index_bytes - keys->dk_log2_size) {
    case 0: ((int8_t *)keys->dk_indices)[i] = DKIX_DUMMY; break;
    case 1: ((int16_t *)keys->dk_indices)[i] = DKIX_DUMMY; break;
    case 2: ((int32_t *)keys->dk_indices)[i] = DKIX_DUMMY; break;
    default: ((int64_t *)keys->dk_indices)[i] = DKIX_DUMMY;
    }
}

/* Let no slot lead to entry n, which has this hash.  Returns whether one
   did. */
static int
forget_entry(PyDictKeysObject *keys, Py_hash_t hash, Py_ssize_t n)
{
    _PyDictWalk_probe probe = _PyDictWalk_FirstSlot(keys, hash);
    Py_ssize_t found;
    while ((found = _PyDictWalk_Entry(keys, probe.slot)) != n) {
        if (found == DKIX_EMPTY) {
            return 0;
        }
        _PyDictWalk_NextSlot(&probe);
    }
    set_dummy(keys, probe.slot);
    return 1;
}

/* A key that goes is not looked for: __hash__() and __eq__() may be the
   user's.  Its entry is left as `del` leaves it. */
static void
cut_from_keys(PyDictObject *dict, const _Py_finalize_held *held)
{
    PyDictKeysObject *keys = dict->ma_keys;
    _Py_objlist values = {0};   /* they may change dict when they go */
    for (Py_ssize_t i = 0; !DK_IS_UNICODE(keys) && i < keys->dk_nentries; i++)
    {
        PyDictKeyEntry *entry = &DK_ENTRIES(keys)[i];
        PyObject *key = entry->me_key, *value = entry->me_value;
        if (key != NULL && is_held(held, key) &&
            _Py_objlist_append(&values, value) == 0 &&
            forget_entry(keys, entry->me_hash, i))
        {
            *entry = (PyDictKeyEntry){0};
            keys->dk_version = 0;
            dict->ma_used--;
            Py_DECREF(key);     /* the caller holds it */
            Py_DECREF(value);
        }
    }
    _Py_objlist_clear(&values);
}

/* Nothing of type keeps track of what it holds but what base keeps. */
static int
has_contents_of(PyTypeObject *type, PyTypeObject *base)
{
    while ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
           (((PyHeapTypeObject *)type)->ht_cached_keys != NULL ||
            ((PyHeapTypeObject *)type)->ht_slots != NULL))
    {
        type = type->tp_base;   /* of a class that is written in Python */
    }
    return type->tp_clear == base->tp_clear;
}

/* In place: neither code of the user's runs, nor does any entry move. */
static void
cut_from_dict(PyObject *op, const _Py_finalize_held *held)
{
    PyDictObject *dict = (PyDictObject *)op;
    _PyPort_DictChanges(dict);
    _PyDictWalk_Slots(dict, replace, (void *)held);
    if (dict->ma_values == NULL &&
        has_contents_of(Py_TYPE(op), &PyDict_Type))
    {
        cut_from_keys(dict, held);
    }
}

/* What comes to stand in a tuple for op.  Code in C keeps iterators in a tuple
   of its own (zip()), and calls what their type has in tp_iternext: one that
   has come to its end takes the place of an iterator. */
static PyObject *
stand_in_for(PyObject *op)
{
    PyObject *result = NULL;
    if (PyIter_Check(op)) {
        PyObject *empty = PyTuple_New(0);
        result = empty == NULL ? NULL : PyObject_GetIter(empty);
        Py_XDECREF(empty);
        PyErr_Clear();
    }
    return result != NULL ? result : Py_NewRef(Py_None);
}

static void
cut_from_tuple(PyObject *tuple, const _Py_finalize_held *held)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *op = PyTuple_GET_ITEM(tuple, i);
        if (is_held(held, op)) {
            PyTuple_SET_ITEM(tuple, i, stand_in_for(op));
            Py_DECREF(op);
        }
    }
}

static void
cut_from_list(PyObject *list, const _Py_finalize_held *held)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        replace(&((PyListObject *)list)->ob_item[i], (void *)held);
    }
}

/* What set.remove() leaves in place of a key.  (It is declared in setobject.h,
   or in pycore_setobject.h.) */
PyAPI_DATA(PyObject *) _PySet_Dummy;

static void
cut_from_set(PyObject *op, const _Py_finalize_held *held)
{
    PySetObject *set = (PySetObject *)op;
    int in_place = has_contents_of(Py_TYPE(op), &PySet_Type);
    for (Py_ssize_t i = 0; in_place && i <= set->mask; i++) {
        setentry *entry = &set->table[i];
        PyObject *key = entry->key;
        if (is_held(held, key)) {
            entry->key = _PySet_Dummy;
            entry->hash = -1;
            set->used--;
            Py_DECREF(key);
        }
    }
}

/* In what the type of op, or a base of it, is known to hold. */
static void
cut_from_contents(PyObject *op, const _Py_finalize_held *held)
{
    if (PyDict_Check(op)) {
        cut_from_dict(op, held);
    }
    else if (PyList_Check(op)) {
        cut_from_list(op, held);
    }
    else if (PyTuple_Check(op)) {
        cut_from_tuple(op, held);
    }
    else if (PyAnySet_Check(op)) {
        cut_from_set(op, held);
    }
    else if (PyCell_Check(op) && is_held(held, PyCell_GET(op))) {
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
    PyObject *op = *slot;
    if (def->type == T_OBJECT_EX && is_held(held, op) &&
        (type->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
        ((PyHeapTypeObject *)type)->ht_slots != NULL)
    {
        *slot = NULL;
        Py_DECREF(op);
    }
}

/* What a tp_clear leaves, as that of a property leaves its functions. */
static void
cut_from_member(PyObject **slot, PyMemberDef *Py_UNUSED(def),
                PyTypeObject *Py_UNUSED(type), void *held)
{
    PyObject *op = *slot;
    if (is_held(held, op)) {
        *slot = NULL;
        Py_DECREF(op);
    }
}

static int
visit_dict(PyObject *op, void *dicts)
{
    if (PyDict_CheckExact(op) && _Py_IsImmortal(op)) {
        (void)_Py_objlist_append(dicts, op);    /* without memory it stays */
    }
    return 0;
}

/* Leave nothing of op that anyone could use: its methods expect what tp_clear
   took away.  Its deallocator, which does no work, does not run any more. */
static void
make_plain(PyObject *op)
{
    if (PyType_SUPPORTS_WEAKREFS(Py_TYPE(op))) {
        _PyFinalize_ClearReferences(op);
    }
    PyObject_GC_UnTrack(op);
    Py_INCREF(op);
    Py_SET_TYPE(op, &PyBaseObject_Type);
}

/* Clear op, of a type that nothing is known of. */
static void
clear_holder(PyObject *op, const _Py_finalize_held *held, _Py_objlist *dicts)
{
    PyTypeObject *type = Py_TYPE(op);
    if (_Py_IsImmortal(op)) {
        type->tp_traverse(op, visit_dict, dicts);
    }
    (void)type->tp_clear(op);
    _PyMembers_Visit(op, cut_from_member, (void *)held);
    make_plain(op);
}

struct sharing {
    _Py_addrset dicts;
    _Py_addrset shared;     /* those of them that others refer to */
    Py_ssize_t unshared;    /* how many are not known to be */
};

static int
visit_shared(PyObject *op, void *arg)
{
    struct sharing *s = arg;
    if (PyDict_CheckExact(op) && _Py_addrset_has(&s->dicts, op)) {
        int added = _Py_addrset_add(&s->shared, op);
        s->unshared = added < 0 ? 0 : s->unshared - added;
    }
    return 0;
}

/* Not 0 once all are known to be shared. */
static int
look_for_shared(PyObject *other, void *arg)
{
    struct sharing *s = arg;
    Py_TYPE(other)->tp_traverse(other, visit_shared, s);
    return s->unshared <= 0;
}

void
_PyFinalize_ClearUnshared(PyInterpreterState *interp, _Py_objlist *dicts)
{
    struct sharing s = {.unshared = 0};
    for (Py_ssize_t i = 0; i < dicts->size; i++) {
        int added = _Py_addrset_add(&s.dicts, dicts->items[i]);
        s.unshared += added > 0;
    }
    /* It goes on if any is left over; not without memory to know which. */
    if (s.unshared > 0 && !lists_visit(interp, look_for_shared, &s)) {
        for (Py_ssize_t i = 0; i < dicts->size; i++) {
            if (!_Py_addrset_has(&s.shared, dicts->items[i])) {
                PyDict_Clear(dicts->items[i]);
            }
        }
    }
    _Py_addrset_clear(&s.dicts);
    _Py_addrset_clear(&s.shared);
    _Py_objlist_clear(dicts);
}

static int
visit_held(PyObject *op, void *held)
{
    return is_held(held, op);
}

static int
refers_to(PyObject *holder, const _Py_finalize_held *held)
{
    traverseproc traverse = Py_TYPE(holder)->tp_traverse;
    return traverse != NULL && traverse(holder, visit_held, (void *)held) != 0;
}

/* The containers that all else is made of: nothing remains in one of them. */
static int
is_plain_container(PyObject *op)
{
    return PyDict_CheckExact(op) || PyList_CheckExact(op) ||
        PyTuple_CheckExact(op);
}

int
_PyFinalize_Cut(PyInterpreterState *interp, PyObject *holder,
                const _Py_finalize_held *held, int clear, _Py_objlist *dicts)
{
    int left = 0;
    _Py_finalize_streams streams = {0};     /* of now: they may be others */
    /* An instance of a subclass can hold it in several ways. */
    _PyMembers_Visit(holder, cut_from_slot, (void *)held);
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
            clear_holder(holder, held, dicts);
        }
    }
    PyErr_Clear();
    return left;
}

/* The method cache holds values of classes' dictionaries without a
   reference. */
static int
forget_cached(PyObject *op, void *dicts)
{
    if (PyType_Check(op) &&
        _Py_addrset_has(dicts, ((PyTypeObject *)op)->tp_dict))
    {
        PyType_Modified((PyTypeObject *)op);
    }
    return 0;
}

void
_PyFinalize_ForgetCached(PyInterpreterState *interp, _Py_addrset *dicts)
{
    if (dicts->used > 0) {
        (void)lists_visit(interp, forget_cached, dicts);
    }
}
