/* The collector's lists, for who moves objects between them. */

#ifndef Py_INTERNAL_IMMORTAL_LIST_H
#define Py_INTERNAL_IMMORTAL_LIST_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_gc.h"            // PyGC_Head

static inline void
list_init(PyGC_Head *list)
{
    list->_gc_next = list->_gc_prev = (uintptr_t)list;
}

/* Append all of from to to. */
static inline void
list_merge(PyGC_Head *from, PyGC_Head *to)
{
    PyGC_Head *first = _PyGCHead_NEXT(from), *last = _PyGCHead_PREV(from);
    if (first == from) {
        return;
    }
    PyGC_Head *tail = _PyGCHead_PREV(to);
    _PyGCHead_SET_NEXT(tail, first);
    _PyGCHead_SET_PREV(first, tail);
    _PyGCHead_SET_NEXT(last, to);
    _PyGCHead_SET_PREV(to, last);
    list_init(from);
}

static inline void
list_remove(PyGC_Head *gc)
{
    PyGC_Head *prev = _PyGCHead_PREV(gc), *next = _PyGCHead_NEXT(gc);
    _PyGCHead_SET_NEXT(prev, next);
    _PyGCHead_SET_PREV(next, prev);
}

static inline void
list_append(PyGC_Head *gc, PyGC_Head *list)
{
    PyGC_Head *tail = _PyGCHead_PREV(list);
    _PyGCHead_SET_NEXT(tail, gc);
    _PyGCHead_SET_PREV(gc, tail);
    _PyGCHead_SET_NEXT(gc, list);
    _PyGCHead_SET_PREV(list, gc);
}

static inline Py_ssize_t
list_size(PyGC_Head *list)
{
    Py_ssize_t n = 0;
    PyGC_Head *gc = _PyGCHead_NEXT(list);
    for (; gc != list; gc = _PyGCHead_NEXT(gc)) {
        n++;
    }
    return n;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_LIST_H */
