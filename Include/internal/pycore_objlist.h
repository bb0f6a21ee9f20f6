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

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_OBJLIST_H */
