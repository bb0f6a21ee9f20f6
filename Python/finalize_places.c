/* Finalization at shutdown: the members of sets.

   A set of objects that are hashed by their addresses is ordered differently
   on every run.  The collector's lists are not: objects are on them in the
   order in which they were created, as long as no collection found some of
   them later than others.  Addresses would not do: the allocator reuses what
   was freed, and a new arena usually lies below the previous one. */

#include "Python.h"
#include "pycore_finalize.h"
#include "pycore_gc.h"            // PyGC_Head
#include "pycore_interp.h"

struct _Py_finalize_place {
    uintptr_t object;
    Py_ssize_t place;
};

static int
compare_objects(const void *a, const void *b)
{
    uintptr_t x = ((const struct _Py_finalize_place *)a)->object;
    uintptr_t y = ((const struct _Py_finalize_place *)b)->object;
    return x < y ? -1 : x > y;
}

/* What is on no list comes last, in the order of addresses. */
static int
compare_places(const void *a, const void *b)
{
    Py_ssize_t x = ((const struct _Py_finalize_place *)a)->place;
    Py_ssize_t y = ((const struct _Py_finalize_place *)b)->place;
    return x < y ? -1 : x > y ? 1 : compare_objects(a, b);
}

/* Number all that is on the lists, the oldest first, and sort it by address.
   Returns 0, or -1 for lack of memory. */
static int
number(PyInterpreterState *interp, _Py_finalize_places *places)
{
    PyGC_Head *lists[NUM_GENERATIONS + 1];
    lists[0] = &interp->gc.permanent_generation.head;
    for (int i = 0; i < NUM_GENERATIONS; i++) {
        lists[i + 1] = &interp->gc.generations[NUM_GENERATIONS - 1 - i].head;
    }
    Py_ssize_t n = 0;
    for (int i = 0; i <= NUM_GENERATIONS; i++) {
        PyGC_Head *gc = _PyGCHead_NEXT(lists[i]);
        for (; gc != lists[i]; gc = _PyGCHead_NEXT(gc)) {
            n++;
        }
    }
    places->items = PyMem_RawMalloc((n + 1) * sizeof(*places->items));
    if (places->items == NULL) {
        return -1;
    }
    for (int i = 0; i <= NUM_GENERATIONS; i++) {
        PyGC_Head *gc = _PyGCHead_NEXT(lists[i]);
        for (; gc != lists[i]; gc = _PyGCHead_NEXT(gc)) {
            places->items[places->size].object = (uintptr_t)(gc + 1);
            places->items[places->size].place = places->size;
            places->size++;
        }
    }
    qsort(places->items, places->size, sizeof(*places->items),
          compare_objects);
    return 0;
}

int
_PyFinalize_SortMembers(PyInterpreterState *interp,
                        _Py_finalize_places *places, uintptr_t *members,
                        Py_ssize_t n)
{
    /* Most sets of objects are sets of weak references, of ABCs. */
    Py_ssize_t others = 0;
    for (Py_ssize_t i = 0; i < n && others == 0; i++) {
        others += !PyWeakref_CheckRef((PyObject *)members[i]);
    }
    if (others > 0 && places->items == NULL && number(interp, places) < 0) {
        return -1;
    }
    struct _Py_finalize_place *sorted = PyMem_RawMalloc(n * sizeof(*sorted));
    if (sorted == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        sorted[i].object = members[i];
        sorted[i].place = PY_SSIZE_T_MAX;
        struct _Py_finalize_place *found = NULL;
        if (places->size > 0) {
            found = bsearch(&sorted[i], places->items, places->size,
                            sizeof(*sorted), compare_objects);
        }
        if (found != NULL) {
            sorted[i].place = found->place;
        }
    }
    qsort(sorted, n, sizeof(*sorted), compare_places);
    for (Py_ssize_t i = 0; i < n; i++) {
        members[i] = sorted[i].object;
    }
    PyMem_RawFree(sorted);
    return 0;
}

void
_PyFinalize_FreePlaces(_Py_finalize_places *places)
{
    PyMem_RawFree(places->items);
    memset(places, 0, sizeof(*places));
}
