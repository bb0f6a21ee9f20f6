/* The extension: memory that became free goes back to the system.

   The patched interpreter does that in gc.collect().  Here an object waits among the
   oldest for full collections, which alone come to it: they call its tp_traverse.
   That is no place to do anything, so the main thread is asked to, next time it looks
   for what there is to do, which is right after a call of gc.collect().

   Full collections begin by themselves, too, and often in a process that has few
   mortal objects; so trimming takes no more than a hundredth of the time. */

#include "glue.h"
#include "pycore_gc_lists.h"      // list_remove()
#include "pycore_object.h"        // _PyObject_GC_IS_TRACKED()

#include <unistd.h>               // getpid()

/* The next time, in nanoseconds; of one process. */
static struct {
    PyTime_t not_before;
    pid_t pid;
    int asked;
} plan;

#define SHARE 100

static int
trim(void *Py_UNUSED(unused))
{
    PyTime_t begin, end;
    plan.asked = 0;
    if (PyInterpreterState_Main()->finalizing ||
        PyTime_MonotonicRaw(&begin) < 0)
    {
        return 0;
    }
    pid_t pid = getpid();
    if (pid == plan.pid && begin < plan.not_before) {
        return 0;
    }
    _PyObject_TrimPools();
    _PyImmortalHeap_TrimCHeap();
    if (PyTime_MonotonicRaw(&end) == 0) {
        plan.not_before = end + SHARE * (end - begin);
        plan.pid = pid;
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

/* Mortal, or no collection would come to it: made when all else is immortal, and
   again with each call, which makes the one before immortal.  Nobody holds it but
   this. */
int
glue_trim_after_collections(PyInterpreterState *interp)
{
    static PyObject *type = NULL;
    if (type == NULL) {
        type = PyType_FromSpec(&sentinel_spec);
        if (type == NULL) {
            return -1;
        }
    }
    PyObject *sentinel = PyObject_GC_New(PyObject, (PyTypeObject *)type);
    if (sentinel == NULL) {
        return -1;
    }
    PyObject_GC_Track(sentinel);
    PyGC_Head *gc = _Py_AS_GC(sentinel);
    list_remove(gc);
    list_append(gc, &generation_of(interp, NUM_GENERATIONS - 1)->head);
    return 0;
}
