/* A list of objects, in memory of its own: nothing that the collector would
   see. */

#include "Python.h"
#include "pycore_objlist.h"

void *
_PyFinalize_Grow(void *items, Py_ssize_t *allocated, size_t itemsize)
{
    Py_ssize_t n = *allocated ? 2 * *allocated : 64;
    void *larger = PyMem_RawRealloc(items, n * itemsize);
    if (larger != NULL) {
        *allocated = n;
    }
    return larger;
}

int
_Py_objlist_append(_Py_objlist *list, PyObject *op)
{
    if (list->size == list->allocated) {
        PyObject **items = _PyFinalize_Grow(list->items, &list->allocated,
                                            sizeof(*items));
        if (items == NULL) {
            return -1;
        }
        list->items = items;
    }
    list->items[list->size++] = Py_NewRef(op);
    return 0;
}

void
_Py_objlist_clear(_Py_objlist *list)
{
    /* Emptied first: to drop a reference can run any code. */
    _Py_objlist old = *list;
    memset(list, 0, sizeof(*list));
    while (old.size > 0) {
        Py_DECREF(old.items[--old.size]);
    }
    PyMem_RawFree(old.items);
}
