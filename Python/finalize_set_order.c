/* Finalization at shutdown: the members of sets.

   A set of objects that are hashed by their addresses is ordered differently
   on every run.  The collector's lists are not: objects are on them in the
   order in which they were created, as long as no collection found some of
   them later than others.  Addresses would not do: the allocator reuses what
   was freed, and a new arena usually lies below the previous one.

   So objects are numbered, in a table of their addresses: from both ends of
   the lists, and only as far as is needed to come to the members that are
   asked for.  Those of sets of the standard library are old, those of the
   user's sets are often young.  The lists are read, not written to. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_gc_lists.h"      // list_of()
#include "pycore_object.h"        // _PyObject_IS_GC()

/* So many objects are numbered from one end, then as many from the other. */
#define BLOCK 1024

/* Up to so many members are sorted by comparing them. */
#define SMALL 256
#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)

/* No two objects of the collector are less than this apart. */
#define APART (sizeof(PyGC_Head) + sizeof(PyObject))
#define CHUNK_PLACES (_Py_ADDRSET_CHUNK / APART + 1)

/* Counted up from 1 at the old end, down from UINT32_MAX at the young end.
   0: none. */
typedef uint32_t number_t;

struct item {
    uintptr_t object;
    number_t place;         /* UINT32_MAX: on no list */
};

/* What is on no list comes last, in the order of addresses. */
static int
compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->place != y->place) {
        return x->place < y->place ? -1 : 1;
    }
    return x->object < y->object ? -1 : x->object > y->object;
}

/* Go to the next object that is younger, or older.  Returns 0 if there is
   none. */
static int
advance(PyInterpreterState *interp, _Py_finalize_end *end)
{
    int young = end->step < 0;
    PyGC_Head *list = list_of(interp, end->list);
    PyGC_Head *gc = young ? _PyGCHead_PREV(end->gc) : _PyGCHead_NEXT(end->gc);
    while (gc == list) {
        end->list += end->step;
        if (end->list < 0 || end->list >= GC_NUM_LISTS) {
            return 0;
        }
        list = list_of(interp, end->list);
        gc = young ? _PyGCHead_PREV(list) : _PyGCHead_NEXT(list);
    }
    end->gc = gc;
    return 1;
}

/* Unless all are numbered, the ends are the first and the last object without
   a number. */
static void
start(PyInterpreterState *interp, _Py_finalize_places *places)
{
    places->started = 1;
    places->old.step = 1;
    places->old.list = 0;
    places->old.gc = list_of(interp, 0);
    places->old.number = 1;
    places->young.step = -1;
    places->young.list = GC_NUM_LISTS - 1;
    places->young.gc = list_of(interp, GC_NUM_LISTS - 1);
    places->young.number = UINT32_MAX;
    places->done = !advance(interp, &places->old) ||
                   !advance(interp, &places->young);
}

/* Number a block of objects at one end.  Returns 0, or -1 for lack of
   memory. */
static int
number_block(PyInterpreterState *interp, _Py_finalize_places *places,
             _Py_finalize_end *end)
{
    number_t *chunk = NULL;
    uintptr_t recent = 0;
    for (int i = 0; i < BLOCK && !places->done; i++) {
        uintptr_t object = (uintptr_t)(end->gc + 1);
        if (chunk == NULL || object / _Py_ADDRSET_CHUNK != recent) {
            chunk = _Py_addrset_chunk(&places->numbers, object,
                                      CHUNK_PLACES * sizeof(*chunk));
            if (chunk == NULL) {
                return -1;
            }
            recent = object / _Py_ADDRSET_CHUNK;
        }
        chunk[object % _Py_ADDRSET_CHUNK / APART] = end->number;
        end->number += end->step;
        /* More than 2**32 objects take up 128 GB: some get no number. */
        if (places->old.gc == places->young.gc ||
            places->old.number >= places->young.number)
        {
            places->done = 1;
        }
        else {
            advance(interp, end);
        }
    }
    return 0;
}

static number_t
number_of(_Py_finalize_places *places, uintptr_t object)
{
    number_t *chunk = _Py_addrset_chunk(&places->numbers, object, 0);
    return chunk ? chunk[object % _Py_ADDRSET_CHUNK / APART] : 0;
}

/* Number objects until op has a number.  *number becomes 0 if it is on no
   list: what is not tracked is not looked for.  Returns 0, or -1 for lack of
   memory. */
static int
find(PyInterpreterState *interp, _Py_finalize_places *places, uintptr_t op,
     number_t *number)
{
    *number = 0;
    if (!_PyObject_IS_GC((PyObject *)op) ||
        !_PyObject_GC_IS_TRACKED((PyObject *)op))
    {
        return 0;
    }
    if (!places->started) {
        start(interp, places);
    }
    while ((*number = number_of(places, op)) == 0 && !places->done) {
        if (number_block(interp, places, &places->young) < 0 ||
            number_block(interp, places, &places->old) < 0)
        {
            return -1;
        }
    }
    return 0;
}

/* Sort n items by their places, which are less than end, one digit after the
   other.  spare is as large as items.  Returns the one in which they are
   then. */
static struct item *
sort_digits(struct item *items, struct item *spare, Py_ssize_t n,
            number_t end)
{
    for (int shift = 0; shift < 32 && end >> shift != 0; shift += DIGIT_BITS) {
        Py_ssize_t starts[DIGITS] = {0};
        for (Py_ssize_t i = 0; i < n; i++) {
            starts[(items[i].place >> shift) % DIGITS]++;
        }
        Py_ssize_t sum = 0;
        for (int d = 0; d < DIGITS; d++) {
            Py_ssize_t count = starts[d];
            starts[d] = sum;
            sum += count;
        }
        for (Py_ssize_t i = 0; i < n; i++) {
            spare[starts[(items[i].place >> shift) % DIGITS]++] = items[i];
        }
        struct item *sorted = spare;
        spare = items;
        items = sorted;
    }
    return items;
}

/* Is it all the same where op goes?  The collections of ABCs are sets of weak
   references whose callback, if there is one, refers to another one only. */
static int
is_idle_ref(PyObject *op)
{
    for (int depth = 0; depth < 2; depth++) {
        if (!PyWeakref_CheckRefExact(op)) {
            return 0;
        }
        PyObject *callback = ((PyWeakReference *)op)->wr_callback;
        if (callback == NULL) {
            return 1;
        }
        if (!PyCFunction_CheckExact(callback) ||
            ((PyCFunctionObject *)callback)->m_module != NULL ||
            PyCFunction_GET_SELF(callback) == NULL)
        {
            return 0;
        }
        op = PyCFunction_GET_SELF(callback);
    }
    return 0;
}

/* Are all of them weak references that lead to the same, or nowhere?  Those
   of a WeakSet have its callback. */
static int
is_any_order(uintptr_t *members, Py_ssize_t n)
{
    PyObject *first = NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *op = (PyObject *)members[i];
        if (is_idle_ref(op)) {
            continue;
        }
        if (!PyWeakref_CheckRefExact(op)) {
            return 0;
        }
        PyObject *callback = ((PyWeakReference *)op)->wr_callback;
        if (first == NULL) {
            first = callback;
        }
        if (callback != first) {
            return 0;
        }
    }
    return 1;
}

/* Number the members.  Those on no list are put at the end; *listed is how
   many others there are.  Returns 0, or -1 for lack of memory. */
static int
number_members(PyInterpreterState *interp, _Py_finalize_places *places,
               const uintptr_t *members, Py_ssize_t n, struct item *items,
               Py_ssize_t *listed)
{
    Py_ssize_t first = 0, last = n;
    for (Py_ssize_t i = 0; i < n; i++) {
        number_t number;
        if (find(interp, places, members[i], &number) < 0) {
            return -1;
        }
        if (number != 0) {
            items[first++] = (struct item){members[i], number};
        }
        else {
            items[--last] = (struct item){members[i], UINT32_MAX};
        }
    }
    *listed = first;
    /* By now it is known how many are between the ends. */
    number_t gap = places->young.number - places->old.number + 1;
    for (Py_ssize_t i = 0; i < first; i++) {
        if (items[i].place > places->young.number) {
            items[i].place -= gap;
        }
    }
    return 0;
}

int
_PyFinalize_SortMembers(PyInterpreterState *interp,
                        _Py_finalize_places *places, uintptr_t *members,
                        Py_ssize_t n)
{
    if (is_any_order(members, n)) {
        return 0;
    }
    struct item *items = PyMem_RawMalloc(2 * n * sizeof(*items));
    Py_ssize_t listed;
    if (items == NULL ||
        number_members(interp, places, members, n, items, &listed) < 0)
    {
        PyMem_RawFree(items);
        return -1;
    }
    struct item *sorted = items;
    if (listed > SMALL) {
        /* As many numbers as were given, and 0. */
        number_t end = places->old.number - places->young.number - 1;
        sorted = sort_digits(items, items + n, listed, end);
    }
    else {
        qsort(items, listed, sizeof(*items), compare);
    }
    qsort(items + listed, n - listed, sizeof(*items), compare);
    for (Py_ssize_t i = 0; i < n; i++) {
        members[i] = i < listed ? sorted[i].object : items[i].object;
    }
    PyMem_RawFree(items);
    return 0;
}

void
_PyFinalize_FreePlaces(_Py_finalize_places *places)
{
    _Py_addrset_clear(&places->numbers);
    memset(places, 0, sizeof(*places));
}
