/* The immortal heap: what an object holds references to.

   tp_traverse does not show all of it: it may leave out what cannot be part
   of a cycle.  What upstream's types leave out is added here by hand, and
   what any type declares as an object member (PyMemberDef) is added
   generically. */

#include "Python.h"
#include "pycore_datetime.h"      // _PyDatetime_Visit()
#include "pycore_dict_walks.h"    // _PyDictWalk_Dict()
#include "pycore_immortal_mark.h"
#include "pycore_immortal_owned.h"
#include "pycore_immortal_port.h" // _PyPort_VisitCode()
#include "pycore_moduleobject.h"  // PyModuleObject
#include "pycore_type_walks.h"    // _PyMembers_Visit()

static int
visit_mark(PyObject *op, void *arg)
{
    _PyMarker_Mark(op, arg);
    return 0;
}

/* Not inlined: else each call of _PyMarker_Expand() would save the registers
   that only this needs. */
static Py_NO_INLINE void
mark_dict(PyDictObject *mp, struct _Py_marker *m)
{
    _PyDictWalk_Dict(mp, _PyMarker_Visit, m);
}

static void
mark_array(PyObject **items, Py_ssize_t n, struct _Py_marker *m)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        _PyMarker_Mark(items[i], m);
    }
}

static void
mark_set(PySetObject *so, struct _Py_marker *m)
{
    for (Py_ssize_t i = 0; i <= so->mask; i++) {
        _PyMarker_Mark(so->table[i].key, m);
    }
}

static void
mark_cfunction(PyCFunctionObject *f, struct _Py_marker *m)
{
    _PyMarker_Mark(f->m_self, m);
    _PyMarker_Mark(f->m_module, m);
}

static void
mark_descriptor(PyDescrObject *d, struct _Py_marker *m)
{
    _PyMarker_Mark((PyObject *)d->d_type, m);
    _PyMarker_Mark(d->d_name, m);
    _PyMarker_Mark(d->d_qualname, m);
}

/* What type holds and type_traverse() leaves out; of a static type, for which
   it must not be called, everything. */
static void
mark_type(PyTypeObject *type, struct _Py_marker *m)
{
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
        PyHeapTypeObject *et = (PyHeapTypeObject *)type;
        _PyMarker_Mark(_PyPort_Subclasses(type), m);
        _PyMarker_Mark(et->ht_name, m);
        _PyMarker_Mark(et->ht_qualname, m);
        _PyMarker_Mark(et->ht_slots, m);
        if (et->ht_cached_keys != NULL) {
            _PyDictWalk_Keys(et->ht_cached_keys, _PyMarker_Visit, m);
        }
    }
    else {
        _PyPort_VisitStaticType(type, _PyMarker_Visit, m);
    }
}

static void
mark_member(PyObject **slot, PyMemberDef *def, PyTypeObject *type, void *m)
{
    _PyMarker_Mark(*slot, m);
}

/* References that the tp_traverse of a type of upstream's leaves out. */
static void
mark_hidden(PyObject *op, struct _Py_marker *m)
{
    if (PyCode_Check(op)) {
        _PyPort_VisitCode((PyCodeObject *)op, _PyMarker_Visit, m);
    }
    else if (PyType_Check(op)) {
        mark_type((PyTypeObject *)op, m);
    }
    else if (PyCoro_CheckExact(op)) {
        _PyMarker_Mark(((PyCoroObject *)op)->cr_origin_or_finalizer, m);
    }
    else if (PyAsyncGen_CheckExact(op)) {
        _PyMarker_Mark(((PyAsyncGenObject *)op)->ag_origin_or_finalizer, m);
    }
    else {
        if (PyModule_Check(op)) {
            _PyMarker_Mark(((PyModuleObject *)op)->md_name, m);
        }
        _PyMembers_Visit(op, mark_member, m);
        if (m->has_datetime &&
            _PyDatetime_Visit(op, _PyMarker_Visit, m) < 0)
        {
            m->no_memory = 1;
        }
    }
}

/* Do the next references come from something else than tp_traverse? */
static inline void
set_declared(struct _Py_marker *m, int declared)
{
    if (m->counter != NULL) {
        m->counter->declared = declared;
    }
}

/* The tp_traverse of a generator may show references that are not counted:
   then those are counted that its frame has. */
static void
traverse(PyObject *op, struct _Py_marker *m)
{
    _PyInterpreterFrame *frame = _PyPort_GeneratorFrame(op);
    if (m->counter != NULL) {
        m->counter->muted = frame != NULL;
    }
    Py_TYPE(op)->tp_traverse(op, visit_mark, m);
    if (frame != NULL) {
        _PyMarker_MarkFrame(frame, 0, m);
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
        _PyPort_VisitFunction((PyFunctionObject *)op, _PyMarker_Visit, m);
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
            traverse(op, m);
        }
        set_declared(m, 1);
        mark_hidden(op, m);
    }
}
