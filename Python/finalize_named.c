/* Finalization at shutdown: what is kept of the names, as long as the walk
   takes.

   What the code of a class's finalizer names is looked up once.  So there is
   a table by class, or by a generator's code. */

#include "Python.h"
#include "pycore_finalize_names.h"
#include "pycore_immortal_port.h" // _PyPort_SuspendedFrame()
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyObject_IS_GC()

static int
is_free(const struct _Py_finalize_named *entry)
{
    return entry->type == NULL && entry->code == NULL;
}

static struct _Py_finalize_named *
find(struct _Py_finalize_named *table, size_t mask,
     const struct _Py_finalize_named *key)
{
    uintptr_t hash = ((uintptr_t)key->type >> 4) * 31 +
        ((uintptr_t)key->code >> 4) * 37 + ((uintptr_t)key->globals >> 4);
    size_t i = (size_t)(hash ^ hash >> 12) & mask;
    while (!is_free(&table[i]) &&
           (table[i].type != key->type || table[i].code != key->code ||
            table[i].globals != key->globals))
    {
        i = (i + 1) & mask;
    }
    return &table[i];
}

static int
grow(_Py_finalize_names *names)
{
    size_t size = names->table == NULL ? 0 : names->mask + 1;
    size_t larger = size == 0 ? 64 : 2 * size;
    struct _Py_finalize_named *table = PyMem_RawCalloc(larger, sizeof(*table));
    if (table == NULL) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_free(&names->table[i])) {
            *find(table, larger - 1, &names->table[i]) = names->table[i];
        }
    }
    PyMem_RawFree(names->table);
    names->table = table;
    names->mask = larger - 1;
    return 0;
}

/* Whose code the finalizer of op is.  Returns 0 if it is nobody's. */
static int
identify(PyObject *op, struct _Py_finalize_named *key)
{
    _PyInterpreterFrame *frame = _PyPort_SuspendedFrame(op);
    if (frame == NULL) {
        key->type = Py_TYPE(op);
        return PyType_HasFeature(key->type, Py_TPFLAGS_HEAPTYPE);
    }
    PyObject *function = _PyPort_FrameFunction(frame);
    if (function == NULL || !PyFunction_Check(function)) {
        return 0;
    }
    key->code = PyFunction_GET_CODE(function);
    key->globals = PyFunction_GET_GLOBALS(function);
    if (((PyCodeObject *)key->code)->co_argcount > 0 &&
        _PyPort_FrameSlots(frame, 0) > 0)
    {
        PyObject *self = _PyPort_FrameSlot(frame, 0);
        if (self != NULL &&
            PyType_HasFeature(Py_TYPE(self), Py_TPFLAGS_HEAPTYPE))
        {
            key->type = Py_TYPE(self);
        }
    }
    return 1;
}

struct _Py_finalize_named *
_PyFinalize_NamedEntry(struct _Py_finalize_walk *w, PyObject *op)
{
    _Py_finalize_names *names = &w->names;
    struct _Py_finalize_named key = {0};
    if (w->no_memory || !identify(op, &key)) {
        return NULL;
    }
    if ((names->table == NULL || 2 * names->used > names->mask) &&
        grow(names) < 0)
    {
        w->no_memory = 1;
        return NULL;
    }
    struct _Py_finalize_named *entry = find(names->table, names->mask, &key);
    if (is_free(entry)) {
        *entry = key;
        entry->first = -1;
        names->used++;
    }
    return entry;
}

static void
add_holder(struct _Py_finalize_walk *w, PyObject *op, PyObject *generator)
{
    _Py_finalize_names *names = &w->names;
    if (op == NULL || !_PyObject_IS_GC(op) || PyFunction_Check(op) ||
        PyType_Check(op) || PyModule_Check(op))
    {
        return;
    }
    if (names->n_holders == names->holders_allocated) {
        _Py_finalize_holder *holders = _PyFinalize_Grow(
            names->holders, &names->holders_allocated, sizeof(*holders));
        if (holders == NULL) {
            w->no_memory = 1;
            return;
        }
        names->holders = holders;
    }
    Py_ssize_t n = names->n_holders++;
    names->holders[n] = (_Py_finalize_holder){op, generator, n};
    if (_Py_addrset_add(&names->held, op) < 0) {
        w->no_memory = 1;
    }
}

/* What op has in variables of its own.  What it was given is another's to
   give up, and so is what the function around it has. */
static void
add_held(struct _Py_finalize_walk *w, PyObject *op)
{
    _PyInterpreterFrame *frame = _PyPort_SuspendedFrame(op);
    PyObject *function = frame == NULL ? NULL : _PyPort_FrameFunction(frame);
    if (function == NULL || !PyFunction_Check(function)) {
        return;
    }
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    int first = code->co_argcount + code->co_kwonlyargcount +
        !!(code->co_flags & CO_VARARGS) + !!(code->co_flags & CO_VARKEYWORDS);
    int end = Py_MIN(code->co_nlocalsplus - code->co_nfreevars,
                     _PyPort_FrameSlots(frame, 0));
    for (int i = first; i < end && !w->no_memory; i++) {
        PyObject *value = _PyPort_FrameSlot(frame, i);
        if (value != NULL && PyCell_Check(value)) {
            value = ((PyCellObject *)value)->ob_ref;
        }
        add_holder(w, value, op);
    }
}

static int
compare(const void *a, const void *b)
{
    const _Py_finalize_holder *x = a, *y = b;
    if (x->object != y->object) {
        return (uintptr_t)x->object < (uintptr_t)y->object ? -1 : 1;
    }
    return x->turn < y->turn ? -1 : x->turn > y->turn;
}

const _Py_finalize_holder *
_PyFinalize_FindHolders(_Py_finalize_names *names, PyObject *op, Py_ssize_t *n)
{
    *n = 0;
    if (names->n_holders == 0 || !_Py_addrset_has(&names->held, op)) {
        return NULL;
    }
    Py_ssize_t low = 0, high = names->n_holders;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if ((uintptr_t)names->holders[middle].object < (uintptr_t)op) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    while (low + *n < names->n_holders &&
           names->holders[low + *n].object == op)
    {
        ++*n;
    }
    return &names->holders[low];
}

static void
add(struct _Py_finalize_walk *w, _Py_addrset *set, PyObject *op)
{
    if (op != NULL && _Py_addrset_add(set, op) < 0) {
        w->no_memory = 1;
    }
}

int
_PyFinalize_StartNames(struct _Py_finalize_walk *w)
{
    _Py_finalize_names *names = &w->names;
    if (names->started) {
        return 0;
    }
    names->started = 1;
    /* That of the interpreter's own may have no hash yet. */
    names->del = PyUnicode_FromString("__del__");
    if (names->del == NULL || PyObject_Hash(names->del) == -1) {
        PyErr_Clear();
        return -1;
    }
    for (Py_ssize_t i = 0; i < names->modules->size; i++) {
        const _Py_finalize_module *m = &names->modules->items[i];
        if (m->dict != NULL) {
            add(w, &names->borders, m->object);
            add(w, &names->borders, m->dict);
        }
        if (m->kind != _Py_MODULE_USER) {
            add(w, &names->stdlib, m->dict);
        }
    }
    add(w, &names->borders, _PyPort_Modules(w->interp));
    if (_PyFinalize_AddForeignModules(w->interp, &names->borders) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < names->found->n_pending; i++) {
        add_held(w, names->found->pending[i]);
    }
    if (names->n_holders > 1) {
        qsort(names->holders, names->n_holders, sizeof(*names->holders),
              compare);
    }
    return w->no_memory ? -1 : 0;
}

void
_PyFinalize_FreeNames(_Py_finalize_names *names)
{
    Py_XDECREF(names->del);
    _Py_addrset_clear(&names->borders);
    _Py_addrset_clear(&names->stdlib);
    _Py_addrset_clear(&names->held);
    _Py_addrset_clear(&names->circles);
    PyMem_RawFree(names->holders);
    PyMem_RawFree(names->table);
    PyMem_RawFree(names->values);
}
