/* The extension: memory that became free goes back to the system.

   The patched interpreter does that in gc.collect().  Here an object waits
   among the oldest for full collections, which alone come to it: they call its
   tp_traverse.  That is no place to do anything, so the main thread is asked
   to, next time it looks for what there is to do, which is right after a call
   of gc.collect().

   Full collections begin by themselves, too, and often in a process that has
   few mortal objects.  Pools that were given back are not looked at again; but
   the C heap is, by malloc_trim(), which therefore gets no more than a small
   part of the time. */

#include "glue.h"
#include "pycore_gc_lists.h"      // list_remove()
#include "pycore_interp.h"        // PyInterpreterState.finalizing
#include "pycore_object.h"        // _PyObject_GC_IS_TRACKED()

#include <time.h>                 // clock_gettime()
#include <unistd.h>               // getpid()

/* Of one process; times are in nanoseconds. */
static struct {
    int64_t not_before;     /* the next time */
    pid_t pid;
    int asked;
} plan;

/* So many times as long as it took it waits. */
#define PAUSES 50

static int64_t
now(clockid_t clock)
{
    struct timespec t = {0};
    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
trim_c_heap(void)
{
    pid_t pid = getpid();
    int64_t begin = now(CLOCK_MONOTONIC);
    if (pid == plan.pid && begin < plan.not_before) {
        return;
    }
    int64_t used = now(CLOCK_THREAD_CPUTIME_ID);
    _PyImmortalHeap_TrimCHeap();
    used = now(CLOCK_THREAD_CPUTIME_ID) - used;
    plan.not_before = begin + PAUSES * used;
    plan.pid = pid;
}

static int
trim(void *Py_UNUSED(unused))
{
    plan.asked = 0;
    if (!PyInterpreterState_Main()->finalizing) {
        _PyObject_TrimPools();
        trim_c_heap();
    }
    return 0;
}

/* A collection comes to an object several times. */
static int
sentinel_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    if (!plan.asked && PyInterpreterState_Get() == PyInterpreterState_Main()) {
        plan.asked = Py_AddPendingCall(trim, NULL) == 0;
    }
    return 0;
}

static PyType_Slot sentinel_slots[] = {
    {Py_tp_traverse, sentinel_traverse},
    {Py_tp_doc, "Full collections come to it."},
    {0, NULL}
};

static PyType_Spec sentinel_spec = {
    .name = "immortal_heap._Sentinel",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
        Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = sentinel_slots,
};

static PyTypeObject *sentinel_type = NULL;

int
glue_make_sentinel_type(void)
{
    if (sentinel_type == NULL) {
        sentinel_type = (PyTypeObject *)PyType_FromSpec(&sentinel_spec);
    }
    return sentinel_type == NULL ? -1 : 0;
}

/* Mortal, or no collection would come to it: made when all else is immortal,
   and again with each call, which makes the one before immortal.  Nobody holds
   it but this. */
int
glue_trim_after_collections(PyInterpreterState *interp)
{
    PyObject *sentinel = PyObject_GC_New(PyObject, sentinel_type);
    if (sentinel == NULL) {
        return -1;
    }
    PyObject_GC_Track(sentinel);
    PyGC_Head *gc = _Py_AS_GC(sentinel);
    list_remove(gc);
    list_append(gc, &generation_of(interp, NUM_GENERATIONS - 1)->head);
    return 0;
}
