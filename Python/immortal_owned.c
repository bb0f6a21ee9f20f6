/* The immortal heap: what only it owns. */

#include "Python.h"
#include "pycore_gc_lists.h"      // list_visit()
#include "pycore_immortal.h"      // _Py_MakeImmortal()
#include "pycore_immortal_owned.h"
#include "pycore_immortal_port.h" // _PyPort_GeneratorFrame()
#include "pycore_object.h"        // _PyObject_IS_GC()

#ifdef HAVE_UNISTD_H
#  include <unistd.h>             // getpid()
#endif

/* A type with more instances than this is one of values (numbers, dates, small
   arrays), not of streams; to count the references to all of these would take
   more memory than they do. */
#define MAX_OF_TYPE 10000

int
_PyCounter_Wants(struct _Py_counter *counter, PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    if (!_PyDeallocators_DoMore(&counter->deallocators, op) ||
        type->tp_descr_get != NULL)
    {
        /* A descriptor is a method: others are still to call it. */
        return 0;
    }
    if (!_PyType_IS_GC(type)) {
        /* Nothing would tell that its finalizer ran. */
        return type->tp_finalize == NULL;
    }
    /* A type whose objects do not always want to be collected has reasons
       (greenlets, which have a C stack). */
    return type->tp_is_gc == NULL;
}

static struct _Py_counted *
find(struct _Py_counter *counter, PyObject *op)
{
    if (counter->places == NULL) {
        return NULL;
    }
    uintptr_t place = (uintptr_t)_Py_hashtable_get(counter->places, op);
    return place == 0 ? NULL : &counter->items[place - 1];
}

int
_PyCounter_Has(struct _Py_counter *counter, PyObject *op)
{
    return find(counter, op) != NULL;
}

static int
grow(struct _Py_counter *counter)
{
    if (counter->places == NULL) {
        counter->places = _PyDeallocators_NewTable();
        if (counter->places == NULL) {
            return -1;
        }
    }
    if (counter->n == counter->allocated) {
        Py_ssize_t allocated =
            counter->allocated ? 2 * counter->allocated : 64;
        struct _Py_counted *items =
            PyMem_RawRealloc(counter->items, allocated * sizeof(*items));
        if (items == NULL) {
            return -1;
        }
        counter->items = items;
        counter->allocated = allocated;
    }
    return 0;
}

/* Add op, which is not there, as the last item. */
static int
add(struct _Py_counter *counter, PyObject *op)
{
    if (!_PyDeallocators_CountInstance(&counter->deallocators, Py_TYPE(op),
                                       MAX_OF_TYPE))
    {
        return _Py_COUNTER_FULL;
    }
    if (grow(counter) < 0 ||
        _Py_hashtable_set(counter->places, op,
                          (void *)(uintptr_t)(counter->n + 1)) < 0)
    {
        return _Py_COUNTER_NO_MEMORY;
    }
    counter->items[counter->n++] = (struct _Py_counted){.object = op};
    return 1;
}

int
_PyCounter_Add(struct _Py_counter *counter, PyObject *op)
{
    return _PyCounter_Has(counter, op) ? 0 : add(counter, op);
}

/* A reference may have been seen twice: a type's tp_traverse shows it, and its
   members declare it. */
static void
add_up(struct _Py_counted *item)
{
    item->references += Py_MAX(item->shown, item->declared);
    item->shown = item->declared = 0;
}

static void
count(struct _Py_counter *counter, struct _Py_counted *item)
{
    if (counter->muted) {
        return;
    }
    if (item->holder != counter->holder) {
        add_up(item);
        item->holder = counter->holder;
        item->of_type |= item->holder != NULL && PyType_Check(item->holder) &&
            ((PyTypeObject *)item->holder)->tp_dict == item->object;
    }
    if (counter->declared) {
        item->declared++;
    }
    else {
        item->shown++;
    }
}

int
_PyCounter_Count(struct _Py_counter *counter, PyObject *op)
{
    struct _Py_counted *item = find(counter, op);
    int added = 0;
    if (item == NULL) {
        added = add(counter, op);
        if (added < 0) {
            return added;
        }
        item = &counter->items[counter->n - 1];
    }
    count(counter, item);
    return added;
}

int
_PyCounter_Insist(struct _Py_counter *counter, PyObject *op)
{
    struct _Py_counted *item = find(counter, op);
    if (item != NULL) {
        item->insisted = 1;
    }
    return item != NULL;
}

void
_PyCounter_MakeImmortal(struct _Py_counter *counter, int unfinished)
{
    for (Py_ssize_t i = 0; i < counter->n; i++) {
        struct _Py_counted *item = &counter->items[i];
        if (item->refcnt == 0 && (item->insisted || !unfinished)) {
            item->refcnt = Py_REFCNT(item->object);
            _Py_MakeImmortal(item->object);
        }
    }
}

static int
visit(PyObject *op, void *arg)
{
    struct _Py_counter *counter = arg;
    struct _Py_counted *item = find(counter, op);
    if (item != NULL) {
        count(counter, item);
    }
    return 0;
}

/* One that shows references which are not counted is passed by: one too many
   would be of an object that C code still has. */
static int
count_references(PyObject *op, void *arg)
{
    struct _Py_counter *counter = arg;
    if (op != counter->skip && !_Py_IsImmortal(op) &&
        _PyPort_GeneratorFrame(op) == NULL)
    {
        counter->holder = op;
        Py_TYPE(op)->tp_traverse(op, visit, counter);
    }
    return 0;
}

void
_PyCounter_CountList(struct _Py_counter *counter, PyGC_Head *list,
                     PyObject *skip)
{
    if (counter->n == 0) {
        return;
    }
    counter->declared = 0;
    counter->skip = skip;
    (void)list_visit(list, count_references, counter);
}

struct list {
    PyObject **objects;
    Py_ssize_t n;
};

static struct {
    struct list owned;
    struct list shared;
#ifdef HAVE_GETPID
    pid_t pid;
#endif
} kept;

static void
forget(struct list *list)
{
    PyMem_RawFree(list->objects);
    list->objects = NULL;
    list->n = 0;
}

void
_PyImmortalHeap_ForgetOwned(void)
{
    forget(&kept.owned);
    forget(&kept.shared);
}

void
_PyImmortalHeap_ForgetOwnedBut(PyObject *const *objects, Py_ssize_t n)
{
    assert(n <= kept.owned.n);
    if (n > 0) {
        memcpy(kept.owned.objects, objects, n * sizeof(*objects));
    }
    kept.owned.n = n;
    forget(&kept.shared);
}

static int
is_parents(void)
{
#ifdef HAVE_GETPID
    return kept.pid != getpid();
#else
    return 0;
#endif
}

Py_ssize_t
_PyImmortalHeap_Owned(PyObject *const **objects)
{
    *objects = kept.owned.objects;
    return is_parents() ? 0 : kept.owned.n;
}

Py_ssize_t
_PyImmortalHeap_Shared(PyObject *const **objects)
{
    *objects = kept.shared.objects;
    return is_parents() ? 0 : kept.shared.n;
}

/* Make list longer by n.  Returns 0, or -1 for lack of memory. */
static int
extend(struct list *list, Py_ssize_t n)
{
    PyObject **objects = PyMem_RawRealloc(list->objects,
                                          (list->n + n) * sizeof(*objects));
    if (objects == NULL) {
        return -1;
    }
    list->objects = objects;
    return 0;
}

int
_PyCounter_Reserve(struct _Py_counter *counter)
{
    if (is_parents()) {
        _PyImmortalHeap_ForgetOwned();
    }
#ifdef HAVE_GETPID
    kept.pid = getpid();
#endif
    return counter->n > 0 && (extend(&kept.owned, counter->n) < 0 ||
                              extend(&kept.shared, counter->n) < 0) ? -1 : 0;
}

void
_PyCounter_KeepOwned(struct _Py_counter *counter)
{
    for (Py_ssize_t i = 0; i < counter->n; i++) {
        struct _Py_counted *item = &counter->items[i];
        add_up(item);
        /* A type needs its namespace as long as it is there: for ever. */
        if (!item->of_type &&
            _PyDeallocators_DoMore(&counter->deallocators, item->object))
        {
            struct list *list = item->references == item->refcnt ?
                &kept.owned : &kept.shared;
            list->objects[list->n++] = item->object;
        }
    }
}

void
_PyCounter_Clear(struct _Py_counter *counter)
{
    if (counter->places != NULL) {
        _Py_hashtable_destroy(counter->places);
    }
    _PyDeallocators_Clear(&counter->deallocators);
    PyMem_RawFree(counter->items);
    memset(counter, 0, sizeof(*counter));
}
