/* The immortal heap: what an object holds references to.

   tp_traverse does not show all of it: it may leave out what cannot be part
   of a cycle.  What upstream's types leave out is added here by hand, and
   what any type declares as an object member (PyMemberDef) is added
   generically. */

#include "Python.h"
#include "pycore_code.h"
#include "pycore_dict.h"          // DK_ENTRIES()
#include "pycore_immortal_mark.h"
#include "pycore_immortal_owned.h"
#include "pycore_moduleobject.h"  // PyModuleObject
#define _PY_DATETIME_IMPL         // the structures, not the C API
#include "datetime.h"             // PyDateTime_DateTime
#include "structmember.h"         // T_OBJECT

#define mark _PyMarker_Mark

static int
visit_mark(PyObject *op, void *arg)
{
    mark(op, arg);
    return 0;
}

static void
mark_keys(PyDictKeysObject *keys, struct _Py_marker *m)
{
    Py_ssize_t n = keys->dk_nentries;
    if (DK_IS_UNICODE(keys)) {
        PyDictUnicodeEntry *entry = DK_UNICODE_ENTRIES(keys);
        for (; --n >= 0; entry++) {
            mark(entry->me_key, m);
            mark(entry->me_value, m);
        }
    }
    else {
        PyDictKeyEntry *entry = DK_ENTRIES(keys);
        for (; --n >= 0; entry++) {
            mark(entry->me_key, m);
            mark(entry->me_value, m);
        }
    }
}

static void
mark_dict(PyDictObject *mp, struct _Py_marker *m)
{
    mark_keys(mp->ma_keys, m);
    if (mp->ma_values != NULL) {
        for (Py_ssize_t i = 0; i < mp->ma_keys->dk_nentries; i++) {
            mark(mp->ma_values->values[i], m);
        }
    }
}

static void
mark_array(PyObject **items, Py_ssize_t n, struct _Py_marker *m)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        mark(items[i], m);
    }
}

static void
mark_set(PySetObject *so, struct _Py_marker *m)
{
    for (Py_ssize_t i = 0; i <= so->mask; i++) {
        mark(so->table[i].key, m);
    }
}

static void
mark_function(PyFunctionObject *f, struct _Py_marker *m)
{
    mark(f->func_globals, m);
    mark(f->func_builtins, m);
    mark(f->func_name, m);
    mark(f->func_qualname, m);
    mark(f->func_code, m);
    mark(f->func_defaults, m);
    mark(f->func_kwdefaults, m);
    mark(f->func_closure, m);
    mark(f->func_doc, m);
    mark(f->func_dict, m);
    mark(f->func_module, m);
    mark(f->func_annotations, m);
}

static void
mark_cfunction(PyCFunctionObject *f, struct _Py_marker *m)
{
    mark(f->m_self, m);
    mark(f->m_module, m);
}

static void
mark_descriptor(PyDescrObject *d, struct _Py_marker *m)
{
    mark((PyObject *)d->d_type, m);
    mark(d->d_name, m);
    mark(d->d_qualname, m);
}

static void
mark_code(PyCodeObject *co, struct _Py_marker *m)
{
    mark(co->co_consts, m);
    mark(co->co_names, m);
    mark(co->co_exceptiontable, m);
    mark(co->co_localsplusnames, m);
    mark(co->co_localspluskinds, m);
    mark(co->co_filename, m);
    mark(co->co_name, m);
    mark(co->co_qualname, m);
    mark(co->co_linetable, m);
    mark(co->_co_code, m);
}

void
_PyMarker_ExpandType(PyTypeObject *type, struct _Py_marker *m)
{
    mark(type->tp_subclasses, m);
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
        PyHeapTypeObject *et = (PyHeapTypeObject *)type;
        mark(et->ht_name, m);
        mark(et->ht_qualname, m);
        mark(et->ht_slots, m);
        if (et->ht_cached_keys != NULL) {
            mark_keys(et->ht_cached_keys, m);
        }
    }
    else {
        mark(type->tp_dict, m);
        mark(type->tp_bases, m);
        mark(type->tp_mro, m);
        mark(type->tp_cache, m);
    }
}

/* Modules/_datetimemodule.c keeps it to itself. */
typedef struct {
    PyObject_HEAD
    PyObject *offset;
    PyObject *name;
} timezone_object;

/* What an object of the datetime module holds; the collector does not know
   any of its types.

   name -- the type's, without the module's. */
static void
mark_datetime(PyObject *op, const char *name, struct _Py_marker *m)
{
    if (strcmp(name, "timezone") == 0) {
        mark(((timezone_object *)op)->offset, m);
        mark(((timezone_object *)op)->name, m);
    }
    else if (strcmp(name, "datetime") == 0) {
        if (((PyDateTime_DateTime *)op)->hastzinfo) {
            mark(((PyDateTime_DateTime *)op)->tzinfo, m);
        }
    }
    else if (strcmp(name, "time") == 0) {
        if (((PyDateTime_Time *)op)->hastzinfo) {
            mark(((PyDateTime_Time *)op)->tzinfo, m);
        }
    }
}

/* Object members that the type of op, or a base of it, declares. */
static void
mark_members(PyObject *op, struct _Py_marker *m)
{
    for (PyTypeObject *type = Py_TYPE(op); type; type = type->tp_base) {
        if (type->tp_name[0] == 'd' &&
            strncmp(type->tp_name, "datetime.", 9) == 0 &&
            !(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
        {
            mark_datetime(op, type->tp_name + 9, m);
        }
        PyMemberDef *def = type->tp_members;
        if (def == NULL) {
            continue;
        }
        for (; def->name != NULL; def++) {
            if (def->type == T_OBJECT || def->type == T_OBJECT_EX) {
                mark(*(PyObject **)((char *)op + def->offset), m);
            }
        }
    }
}

/* References that the tp_traverse of a type of upstream's leaves out. */
static void
mark_hidden(PyObject *op, struct _Py_marker *m)
{
    if (PyCode_Check(op)) {
        mark_code((PyCodeObject *)op, m);
    }
    else if (PyType_Check(op)) {
        _PyMarker_ExpandType((PyTypeObject *)op, m);
    }
    else if (PyCoro_CheckExact(op)) {
        mark(((PyCoroObject *)op)->cr_origin_or_finalizer, m);
    }
    else if (PyAsyncGen_CheckExact(op)) {
        mark(((PyAsyncGenObject *)op)->ag_origin_or_finalizer, m);
    }
    else {
        if (PyModule_Check(op)) {
            mark(((PyModuleObject *)op)->md_name, m);
        }
        mark_members(op, m);
    }
}

/* Do the references that come next come from something else than tp_traverse? */
static inline void
set_declared(struct _Py_marker *m, int declared)
{
    if (m->counter != NULL) {
        m->counter->declared = declared;
    }
}

/* The common types are done in place: a callback for each reference would
   cost more than all the rest. */
void
_PyMarker_Expand(PyObject *op, struct _Py_marker *m, int tracked)
{
    PyTypeObject *type = Py_TYPE(op);
    if (m->counter != NULL) {
        m->counter->holder = op;
        m->counter->declared = 0;
    }
    if (type == &PyWrapperDescr_Type || type == &PyMethodDescr_Type ||
        type == &PyGetSetDescr_Type || type == &PyMemberDescr_Type ||
        type == &PyClassMethodDescr_Type)
    {
        mark_descriptor((PyDescrObject *)op, m);
    }
    else if (type == &PyFunction_Type) {
        mark_function((PyFunctionObject *)op, m);
    }
    else if (type == &PyCFunction_Type) {
        mark_cfunction((PyCFunctionObject *)op, m);
    }
    else if (type == &PyDict_Type) {
        mark_dict((PyDictObject *)op, m);
    }
    else if (type == &PyTuple_Type) {
        mark_array(((PyTupleObject *)op)->ob_item, PyTuple_GET_SIZE(op), m);
    }
    else if (type == &PyList_Type) {
        mark_array(((PyListObject *)op)->ob_item, PyList_GET_SIZE(op), m);
    }
    else if (type == &PySet_Type || type == &PyFrozenSet_Type) {
        mark_set((PySetObject *)op, m);
    }
    else {
        if (PyDict_Check(op)) {
            set_declared(m, 1);     /* tp_traverse shows the same */
            mark_dict((PyDictObject *)op, m);
            set_declared(m, 0);
        }
        if (tracked || PyTuple_Check(op) || PyContextVar_CheckExact(op)) {
            type->tp_traverse(op, visit_mark, m);
        }
        set_declared(m, 1);
        mark_hidden(op, m);
    }
}

/* Only types whose hash is computed from their own memory alone, so that no
   code runs. */
int
_PyMarker_FillHash(PyObject *op)
{
    if (PyUnicode_CheckExact(op)) {
        if (((PyASCIIObject *)op)->hash != -1) {
            return 0;
        }
    }
    else if (PyBytes_CheckExact(op)) {
_Py_COMP_DIAG_PUSH
_Py_COMP_DIAG_IGNORE_DEPR_DECLS
        if (((PyBytesObject *)op)->ob_shash != -1) {
            return 0;
        }
_Py_COMP_DIAG_POP
    }
    else {
        return 0;
    }
    (void)PyObject_Hash(op);
    return 1;
}
