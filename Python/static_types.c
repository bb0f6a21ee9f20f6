/* Static types, of the interpreter and of extension modules. */

#include "Python.h"
#include "pycore_immortal_port.h" // _PyPort_Subclasses()
#include "pycore_type_walks.h"

struct types {
    PyTypeObject **items;       /* to be visited; borrowed */
    Py_ssize_t size;
    Py_ssize_t allocated;
};

static int
push(struct types *todo, PyTypeObject *type)
{
    if (todo->size == todo->allocated) {
        Py_ssize_t allocated = todo->allocated ? 2 * todo->allocated : 256;
        PyTypeObject **items = PyMem_RawRealloc(todo->items,
                                                allocated * sizeof(*items));
        if (items == NULL) {
            return -1;
        }
        todo->items = items;
        todo->allocated = allocated;
    }
    todo->items[todo->size++] = type;
    return 0;
}

static int
push_subclasses(struct types *todo, PyTypeObject *type)
{
    PyObject *ref, *subclasses = _PyPort_Subclasses(type);
    Py_ssize_t pos = 0;
    while (subclasses != NULL && PyDict_Next(subclasses, &pos, NULL, &ref)) {
        PyObject *child = _PyPort_WeakrefTarget(ref);
        if (PyType_Check(child) && ((PyTypeObject *)child)->tp_base == type &&
            push(todo, (PyTypeObject *)child) < 0)
        {
            return -1;
        }
    }
    return 0;
}

/* Down the tree of tp_base from object.  A type with several bases is met
   under each, and followed under its tp_base only. */
int
_PyStaticTypes_Visit(void (*visit)(PyTypeObject *, void *), void *arg)
{
    struct types todo = {0};
    int result = push(&todo, &PyBaseObject_Type);
    while (todo.size > 0) {
        PyTypeObject *type = todo.items[--todo.size];
        if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
            visit(type, arg);
        }
        if (push_subclasses(&todo, type) < 0) {
            result = -1;
        }
    }
    PyMem_RawFree(todo.items);
    return result;
}
