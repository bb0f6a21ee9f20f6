/* A list of objects, in memory of its own. */

#ifndef Py_INTERNAL_OBJLIST_H
#define Py_INTERNAL_OBJLIST_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

typedef struct {
    PyObject **items;       /* strong references */
    Py_ssize_t size;
    Py_ssize_t allocated;
} _Py_objlist;

/* 0, or -1 for lack of memory (without an exception). */
extern int _Py_objlist_append(_Py_objlist *list, PyObject *op);
extern void _Py_objlist_clear(_Py_objlist *list);

/* Make an array of *allocated items larger, twice as large if it has any.
   Returns its new address, or NULL for lack of memory (without an exception):
   then the array is as it was. */
extern void *_PyFinalize_Grow(void *items, Py_ssize_t *allocated,
                              size_t itemsize);

/* What a walk has yet to come to: addresses of objects, with a flag in the
   lowest bit if the walk has use for one. */
typedef struct {
    uintptr_t *entries;     /* borrowed; the last one is the topmost */
    Py_ssize_t size;
    Py_ssize_t allocated;
} _Py_walk_stack;

/* 0, or -1 for lack of memory (without an exception). */
static inline int
_Py_walk_stack_push(_Py_walk_stack *stack, PyObject *op, uintptr_t flag)
{
    if (stack->size == stack->allocated) {
        uintptr_t *entries = _PyFinalize_Grow(stack->entries,
                                              &stack->allocated,
                                              sizeof(*entries));
        if (entries == NULL) {
            return -1;
        }
        stack->entries = entries;
    }
    stack->entries[stack->size++] = (uintptr_t)op | flag;
    return 0;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_OBJLIST_H */
