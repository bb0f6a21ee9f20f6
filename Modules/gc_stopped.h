/* A collection whose thread is stopped at shutdown.

   While finalizers and callbacks run, the objects that a collection found
   unreachable are on lists whose heads are on its thread's C stack.  A daemon
   thread that is stopped then takes these to the grave, and no later
   collection can begin.  So the main interpreter's lists are known by their
   addresses, and emptied into the oldest generation before threads are
   stopped, and in the child of a fork.

   This file is part of the collector and uses its macros and functions. */

#include "pycore_finalize_steps.h"  // _PyGC_LeftCallbacks()

/* Lists of the collection that runs in the main interpreter: the last one
   has weak references that are yet to be called back. */
enum {
    HELD_UNREACHABLE, HELD_FINALIZERS, HELD_SEEN, HELD_STILL_UNREACHABLE,
    HELD_CALLBACKS, NUM_HELD
};

static PyGC_Head *held_lists[NUM_HELD];
static unsigned long held_by = 0;       /* thread */

/* Weak references that such a collection still had to call back. */
static _Py_objlist left_callbacks = {0};

_Py_objlist *
_PyGC_LeftCallbacks(void)
{
    return &left_callbacks;
}

/* A list is in use, or not any more if it is NULL. */
static inline void
hold_list(PyThreadState *tstate, int which, PyGC_Head *list)
{
    if (_Py_IsMainInterpreter(tstate->interp)) {
        held_lists[which] = list;
        held_by = tstate->thread_id;
    }
}

static inline void
hold_no_lists(PyThreadState *tstate)
{
    if (_Py_IsMainInterpreter(tstate->interp)) {
        memset(held_lists, 0, sizeof(held_lists));
    }
}

static void
take_list_back(GCState *gcstate, PyGC_Head *list)
{
    if (list != NULL) {
        gc_list_clear_collecting(list);
        gc_list_merge(list, GEN_HEAD(gcstate, NUM_GENERATIONS - 1));
    }
}

void
_PyGC_TakeBack(PyThreadState *tstate)
{
    GCState *gcstate = &tstate->interp->gc;
    if (!gcstate->collecting || held_by == tstate->thread_id) {
        return;
    }
    PyGC_Head *refs = held_lists[HELD_CALLBACKS];
    if (refs != NULL && !gc_list_is_empty(refs)) {
        /* The first is being called back just now.  The collection had a
           reference to each. */
        PyGC_Head *gc = GC_NEXT(GC_NEXT(refs));
        for (; gc != refs; gc = GC_NEXT(gc)) {
            (void)_Py_objlist_append(&left_callbacks, FROM_GC(gc));
        }
    }
    for (int i = 0; i < NUM_HELD; i++) {
        take_list_back(gcstate, held_lists[i]);
        held_lists[i] = NULL;
    }
    gcstate->collecting = 0;
}
