/* Finalization at shutdown: the names that may decide the order.

   What a finalizer names is to be finalized after it, as if it were referred
   to.  But a reference is certain, and a name is a guess.  So a name does not
   count where references and names lead back from there: in a strongly
   connected component, that is.  Then the order is what it would be without.

   Components are numbered as they are found, from the first object that asks
   for its own, and from there only.  The algorithm is David J. Pearce's ("A
   space-efficient algorithm for finding strongly connected components", 2016),
   which needs one number for each object: until its component is known, when
   it was met, or when the oldest was that it leads to. */

#include "Python.h"
#include "pycore_finalize_names.h"
#include "pycore_object.h"        // _PyObject_IS_GC()

/* On the stack, the lowest bit says that what op refers to is done. */
#define DONE ((uintptr_t)1)

typedef uint32_t number_t;

/* Only objects of the collector are numbered: others lead nowhere.  No two of
   these are less than this apart. */
#define APART (sizeof(PyGC_Head) + sizeof(PyObject))
#define CHUNK_PLACES (_Py_ADDRSET_CHUNK / APART + 1)

/* What is not done yet of those that led to the object at hand. */
struct step {
    number_t *number;
    number_t met;
};

struct numbering {
    struct _Py_finalize_walk *w;
    _Py_walk_stack stack;
    _Py_walk_stack unknown;     /* done, but the component is not known */
    struct step *path;
    Py_ssize_t length;
    Py_ssize_t path_allocated;
};

/* Where the number of op is; NULL for lack of memory. */
static number_t *
number_of(struct _Py_finalize_walk *w, PyObject *op)
{
    number_t *chunk = _Py_addrset_chunk(&w->names.circles, (uintptr_t)op,
                                        CHUNK_PLACES * sizeof(*chunk));
    if (chunk == NULL) {
        w->no_memory = 1;
        return NULL;
    }
    return &chunk[(uintptr_t)op % _Py_ADDRSET_CHUNK / APART];
}

static void
push(struct numbering *n, _Py_walk_stack *stack, PyObject *op, uintptr_t flag)
{
    if (_Py_walk_stack_push(stack, op, flag) < 0) {
        n->w->no_memory = 1;
    }
}

/* What the object at hand leads to: the last one of the path.  Most have been
   met before, and are not to fill the stack. */
static int
visit(PyObject *op, void *arg)
{
    struct numbering *n = arg;
    if (!_PyObject_IS_GC(op) || _Py_addrset_has(&n->w->names.borders, op)) {
        return 0;
    }
    number_t *number = number_of(n->w, op);
    if (number != NULL && *number != 0) {
        number_t *holder = n->path[n->length - 1].number;
        *holder = Py_MIN(*holder, *number);
    }
    else if (number != NULL) {
        push(n, &n->stack, op, 0);
    }
    return 0;
}

/* It has not been met before. */
static void
begin(struct numbering *n, PyObject *op, number_t *number)
{
    if (n->length == n->path_allocated) {
        struct step *path = _PyFinalize_Grow(n->path, &n->path_allocated,
                                             sizeof(*path));
        if (path == NULL) {
            n->w->no_memory = 1;
            return;
        }
        n->path = path;
    }
    *number = ++n->w->names.n_numbered;
    n->path[n->length++] = (struct step){number, *number};
    push(n, &n->stack, op, DONE);
    if (_PyFinalize_IsDue(n->w, op)) {
        PyObject *const *values;
        Py_ssize_t n_values = _PyFinalize_Named(n->w, op, &values);
        for (Py_ssize_t i = 0; i < n_values; i++) {
            visit(values[i], n);
        }
    }
    if (_PyFinalize_CanExpand(op)) {
        Py_TYPE(op)->tp_traverse(op, visit, n);
    }
}

/* All that it leads to has been met. */
static void
end(struct numbering *n, PyObject *op, number_t *number)
{
    if (*number != n->path[--n->length].met) {
        push(n, &n->unknown, op, 0);
        return;
    }
    number_t first = *number, circle = UINT32_MAX - n->w->names.n_circles++;
    *number = circle;
    while (n->unknown.size > 0) {
        PyObject *other =
            (PyObject *)n->unknown.entries[n->unknown.size - 1];
        number_t *its = number_of(n->w, other);
        if (its == NULL || *its < first) {
            break;
        }
        *its = circle;
        n->unknown.size--;
    }
}

/* Number op and all that it leads to. */
static void
number_all(struct _Py_finalize_walk *w, PyObject *op)
{
    struct numbering n = {.w = w};
    push(&n, &n.stack, op, 0);
    while (n.stack.size > 0 && !w->no_memory) {
        uintptr_t entry = n.stack.entries[--n.stack.size];
        op = (PyObject *)(entry & ~DONE);
        number_t *number = number_of(w, op);
        if (number == NULL) {
            break;
        }
        if (entry & DONE) {
            end(&n, op, number);
        }
        else if (*number == 0) {
            begin(&n, op, number);
            continue;
        }
        if (n.length > 0) {
            number_t *holder = n.path[n.length - 1].number;
            *holder = Py_MIN(*holder, *number);
        }
    }
    PyMem_RawFree(n.stack.entries);
    PyMem_RawFree(n.unknown.entries);
    PyMem_RawFree(n.path);
}

/* Do references and names lead from op to other, which it names, and back? */
static int
are_in_circle(struct _Py_finalize_walk *w, PyObject *op, PyObject *other)
{
    if (!_PyObject_IS_GC(op) || !_PyObject_IS_GC(other)) {
        return 0;
    }
    number_t *number = number_of(w, op), *others = number_of(w, other);
    if (number != NULL && others != NULL && *number == 0) {
        number_all(w, op);
    }
    return w->no_memory || *number == *others;
}

void
_PyFinalize_VisitNamed(struct _Py_finalize_walk *w, PyObject *op)
{
    PyObject *const *values;
    if (_PyFinalize_StartNames(w) < 0) {
        w->no_memory = 1;
        return;
    }
    Py_ssize_t n = _PyFinalize_Named(w, op, &values);
    Py_ssize_t first = n > 0 ? values - w->names.values : 0;
    for (Py_ssize_t i = first; i < first + n && !w->no_memory; i++) {
        /* Looking for circles adds to the values. */
        PyObject *value = w->names.values[i];
        if (!_Py_addrset_has(&w->seen, value) &&
            !are_in_circle(w, op, value))
        {
            _PyFinalize_VisitInWalk(value, w);
        }
    }
}
