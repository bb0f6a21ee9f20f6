/* The immortal heap: what would be computed and stored on first use. */

#include "Python.h"
#include "pycore_gc_lists.h"      // list_visit()
#include "pycore_immortal_fork.h"
#include "pycore_immortal_heap.h" // _PyImmortalHeap_List()
#include "pycore_immortal_port.h" // _PyPort_GiveKeysVersion()
#include "pycore_object.h"        // _PyType_HasFeature()
#include "pycore_runtime.h"       // _Py_ID()
#include "pycore_moduleobject.h"  // PyModuleObject
#include "pycore_type_walks.h"    // _PyStaticTypes_Visit()

/* Hashes are computed only by functions of the interpreter's own that need
   nothing but the object's memory, so that no other code runs.  An object may
   have one of these whatever its type. */
static int
is_hash_of(hashfunc hash, PyTypeObject *type)
{
    return hash == type->tp_hash;
}

/* What is known of a hash: may other code run when it is computed?  Of that of
   a tuple nothing is known, until it is kept, or the tuple was judged. */
enum { HARMFUL, HARMLESS, UNKNOWN };

static int
known_of(PyObject *op, _Py_addrset *judged)
{
    if (op == NULL) {
        return HARMFUL;
    }
    hashfunc hash = Py_TYPE(op)->tp_hash;
    if (is_hash_of(hash, &PyTuple_Type)) {
        Py_hash_t *kept = _PyPort_TupleHash(op);
        if (kept != NULL && *kept != -1) {
            return HARMLESS;
        }
        return kept == NULL || _Py_addrset_has(judged, op) ? HARMFUL : UNKNOWN;
    }
    return is_hash_of(hash, &PyUnicode_Type) ||
        is_hash_of(hash, &PyBytes_Type) ||
        is_hash_of(hash, &PyLong_Type) ||
        is_hash_of(hash, &PyFloat_Type) ||
        is_hash_of(hash, &PyComplex_Type) ||
        is_hash_of(hash, &PyFrozenSet_Type) ||  /* from those of its items */
        is_hash_of(hash, Py_TYPE(Py_None)) ||
        is_hash_of(hash, &PyBaseObject_Type) ?  /* from its address */
        HARMLESS : HARMFUL;
}

/* Where op keeps its hash, -1 until it is computed; or NULL.  What inherits
   from such a type, and no other hash, does as well. */
static Py_hash_t *
kept_hash(PyObject *op)
{
    hashfunc hash = Py_TYPE(op)->tp_hash;
    if (is_hash_of(hash, &PyUnicode_Type)) {
        return &((PyASCIIObject *)op)->hash;
    }
    if (is_hash_of(hash, &PyBytes_Type)) {
_Py_COMP_DIAG_PUSH
_Py_COMP_DIAG_IGNORE_DEPR_DECLS
        return &((PyBytesObject *)op)->ob_shash;
_Py_COMP_DIAG_POP
    }
    if (is_hash_of(hash, &PyTuple_Type)) {
        return _PyPort_TupleHash(op);
    }
    if (is_hash_of(hash, &PyFrozenSet_Type)) {
        return &((PySetObject *)op)->hash;
    }
    return NULL;
}

/* What is known of the hash of a tuple, by what is known of its items.  If
   that is not enough, those of which nothing is known are on the stack now. */
static int
judge(PyObject *tuple, struct _Py_leaf_work *work)
{
    int result = HARMLESS;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);
        int known = known_of(item, &work->judged);
        if (known == HARMFUL) {
            return HARMFUL;
        }
        if (known == UNKNOWN) {
            if (_Py_walk_stack_push(&work->stack, item, 0) < 0) {
                return HARMFUL;
            }
            result = UNKNOWN;
        }
    }
    return result;
}

static void
fill_one(PyObject *op, struct _Py_leaf_work *work)
{
    (void)PyObject_Hash(op);
    work->stats->filled++;
}

/* Compute the hash of a tuple, after those of the tuples in it.  However deep
   they are nested, and however often they are referred to, each is looked at
   twice at most: before those in it, and after them.  Without memory, a hash
   is left to be computed when it is asked for. */
static void
fill_tuple(PyObject *op, struct _Py_leaf_work *work)
{
    const uintptr_t again = 1;
    _Py_walk_stack *stack = &work->stack;
    (void)_Py_walk_stack_push(stack, op, 0);
    while (stack->size > 0) {
        Py_ssize_t top = stack->size - 1;
        PyObject *tuple = (PyObject *)(stack->entries[top] & ~again);
        int first = !(stack->entries[top] & again);
        if (first && known_of(tuple, &work->judged) != UNKNOWN) {
            stack->size = top;      /* it was met before */
            continue;
        }
        int known = judge(tuple, work);
        if (known == HARMLESS) {
            fill_one(tuple, work);
        }
        else if (_Py_addrset_add(&work->judged, tuple) < 0) {
            top = 0;
        }
        else if (first && known == UNKNOWN) {
            stack->entries[top] |= again;
            continue;
        }
        stack->size = top;
    }
}

static void
fill_hash(PyObject *op, struct _Py_leaf_work *work)
{
    Py_hash_t *kept = kept_hash(op);
    if (kept == NULL || *kept != -1) {
        return;
    }
    if (is_hash_of(Py_TYPE(op)->tp_hash, &PyTuple_Type)) {
        fill_tuple(op, work);
    }
    else {
        fill_one(op, work);
    }
}

void
_PyImmortalHeap_PrepareLeaf(PyObject *op, void *arg)
{
    struct _Py_leaf_work *work = arg;
    if (PyCode_Check(op)) {
        if (work->quiet) {
            _PyImmortalHeap_QuietOne(op, work->stats);
        }
    }
    else if (work->fill) {
        fill_hash(op, work);
    }
}

void
_PyImmortalHeap_ClearWork(struct _Py_leaf_work *work)
{
    _Py_addrset_clear(&work->judged);
    PyMem_RawFree(work->stack.entries);
    memset(&work->stack, 0, sizeof(work->stack));
}

struct fill {
    PyInterpreterState *interp;
    struct _Py_leaf_work *work;
};

static void
fill_keys(PyDictKeysObject *keys, struct fill *fill)
{
    fill->work->stats->filled += _PyPort_GiveKeysVersion(fill->interp, keys);
}

static void
fill_dict(PyObject *op, struct fill *fill)
{
    if (op != NULL && PyDict_CheckExact(op)) {
        fill_keys(((PyDictObject *)op)->ma_keys, fill);
    }
}

static void
fill_type(PyTypeObject *type, struct fill *fill)
{
    if (!_PyType_HasFeature(type, Py_TPFLAGS_READY)) {
        /* It is being made; a lookup would make it ready too early. */
        return;
    }
    if (!_PyPort_HasTypeVersion(type)) {
        /* A lookup that can be cached assigns one. */
        (void)_PyType_Lookup(type, &_Py_ID(__init__));
        fill->work->stats->filled++;
    }
    if (_PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        PyHeapTypeObject *et = (PyHeapTypeObject *)type;
        if (et->ht_cached_keys != NULL) {
            fill_keys(et->ht_cached_keys, fill);
            fill->work->stats->filled += _PyPort_SettleSharedKeys(
                et->ht_cached_keys);
        }
    }
}

static void
fill_static_type(PyTypeObject *type, void *arg)
{
    struct fill *fill = arg;
    fill_type(type, fill);
}

static int
fill_object(PyObject *op, void *arg)
{
    struct fill *fill = arg;
    if (PyFunction_Check(op)) {
        PyFunctionObject *func = (PyFunctionObject *)op;
        fill->work->stats->filled += _PyPort_GiveFunctionVersion(func);
        fill_dict(func->func_globals, fill);
        fill_dict(func->func_builtins, fill);
    }
    else if (PyModule_Check(op)) {
        fill_dict(((PyModuleObject *)op)->md_dict, fill);
    }
    else if (PyType_Check(op)) {
        fill_type((PyTypeObject *)op, fill);
    }
    else {
        fill_hash(op, fill->work);
    }
    return 0;
}

void
_PyImmortalHeap_Fill(PyInterpreterState *interp, struct _Py_leaf_work *work)
{
    struct fill fill = {interp, work};
    /* Without memory, what is left is written to when it is used. */
    (void)_PyStaticTypes_Visit(fill_static_type, &fill);
    (void)list_visit(_PyImmortalHeap_List(interp), fill_object, &fill);
}
