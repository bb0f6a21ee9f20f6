/* What for loops usually iterate over, without a call.

   The iterators of list, tuple and range are defined here rather than in the
   files of these types, so that the interpreter loop can step them. */

#ifndef Py_INTERNAL_LOOP_H
#define Py_INTERNAL_LOOP_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_borrow.h"        // _PyLong_Reuse()

typedef struct {
    PyObject_HEAD
    Py_ssize_t it_index;
    PyListObject *it_seq;         /* NULL when the iterator is exhausted */
} listiterobject;

typedef struct {
    PyObject_HEAD
    Py_ssize_t it_index;
    PyTupleObject *it_seq;        /* NULL when the iterator is exhausted */
} tupleiterobject;

typedef struct {
    PyObject_HEAD
    long index;
    long start;
    long step;
    long len;
} rangeiterobject;

/* The next item of iter, a new reference, if iter is one of these and has
   one; else NULL without an exception: then its tp_iternext has to say.

   If next_instr, the instruction after the loop's, stores the item in one of
   locals, and that has an int that nobody else holds, the int is not freed:
   it becomes the next one, and its reference moves to the caller.  Not while
   tracing: a tracer would see the variable gone. */
static inline PyObject *
_PyLoop_Next(PyObject *iter, const _Py_CODEUNIT *next_instr,
             PyObject **locals, int tracing)
{
    if (Py_IS_TYPE(iter, &PyListIter_Type)) {
        listiterobject *it = (listiterobject *)iter;
        PyListObject *seq = it->it_seq;
        if (seq != NULL && it->it_index < PyList_GET_SIZE(seq)) {
            return Py_NewRef(PyList_GET_ITEM(seq, it->it_index++));
        }
    }
    else if (Py_IS_TYPE(iter, &PyRangeIter_Type)) {
        rangeiterobject *it = (rangeiterobject *)iter;
        if (it->index < it->len) {
            long value = (long)(it->start +
                                (unsigned long)(it->index++) * it->step);
            PyObject *item = _PyLong_GetSmall(value);
            if (item != NULL) {
                return item;
            }
            PyObject **target = &locals[_Py_OPARG(*next_instr)];
            if (!tracing &&
                _PyCode_StoresLocal(*next_instr, _Py_OPARG(*next_instr)) &&
                *target != NULL && PyLong_CheckExact(*target) &&
                _PyLong_CanReuse(*target) && _PyLong_FitsReuse(value))
            {
                item = *target;
                *target = NULL;
                _PyLong_Reuse(item, value);
                return item;
            }
            item = PyLong_FromLong(value);
            if (item == NULL) {
                // Out of memory: tp_iternext, which comes next, reports it.
                PyErr_Clear();
                it->index--;
            }
            return item;
        }
    }
    else if (Py_IS_TYPE(iter, &PyTupleIter_Type)) {
        tupleiterobject *it = (tupleiterobject *)iter;
        PyTupleObject *seq = it->it_seq;
        if (seq != NULL && it->it_index < PyTuple_GET_SIZE(seq)) {
            return Py_NewRef(PyTuple_GET_ITEM(seq, it->it_index++));
        }
    }
    return NULL;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_LOOP_H */
