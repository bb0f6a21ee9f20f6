/* The collector's lists: to walk along them, and to move objects between
   them. */

#ifndef Py_INTERNAL_GC_LISTS_H
#define Py_INTERNAL_GC_LISTS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_gc.h"            // PyGC_Head
#include "pycore_immortal_heap.h" // _PyImmortalHeap_List()
#include "pycore_interp.h"        // PyInterpreterState.gc

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

/* Call visit(op, arg) for each object on list, until that returns something
   else than 0, which is returned then.  visit must not change the list. */
static inline Py_ALWAYS_INLINE int
list_visit(PyGC_Head *list, visitproc visit, void *arg)
{
    PyGC_Head *gc = _PyGCHead_NEXT(list);
    for (; gc != list; gc = _PyGCHead_NEXT(gc)) {
        int result = visit((PyObject *)(gc + 1), arg);
        if (result != 0) {
            return result;
        }
    }
    return 0;
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

/* A generation, 0 the youngest; and the permanent one. */
static inline struct gc_generation *
generation_of(PyInterpreterState *interp, int i)
{
    return &interp->gc.generations[i];
}

static inline struct gc_generation *
permanent_of(PyInterpreterState *interp)
{
    return &interp->gc.permanent_generation;
}

/* All lists of an interpreter, from old to young: 0 has what is immortal, 1 is
   the permanent generation. */
#define GC_NUM_LISTS (NUM_GENERATIONS + 2)

static inline PyGC_Head *
list_of(PyInterpreterState *interp, int i)
{
    return i == 0 ? _PyImmortalHeap_List(interp)
         : i == 1 ? &permanent_of(interp)->head
                  : &generation_of(interp, GC_NUM_LISTS - 1 - i)->head;
}

/* list_visit() for each of them, the oldest first. */
static inline int
lists_visit(PyInterpreterState *interp, visitproc visit, void *arg)
{
    int result = 0;
    for (int i = 0; i < GC_NUM_LISTS && result == 0; i++) {
        result = list_visit(list_of(interp, i), visit, arg);
    }
    return result;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_GC_LISTS_H */
