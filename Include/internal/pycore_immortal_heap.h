/* The immortal heap: everything alive at a point in time, made immortal.

   Two calls do that.  _PyGC_ImmortalizeHeap() makes the heap at start-up
   (pycore_immortal_startup.h); _PyGC_ExtendImmortalHeap() adds to it whatever
   a program has made by the time it calls gc.immortalize_heap().

   There is one such heap in a process: the main interpreter's.  It outlives
   Py_Finalize(), which clears the state of the runtime and of the interpreter,
   and whose structures keep their layout, for debuggers and for extensions
   that were built without this.  So what is known of the heap, and of the one
   shutdown of a process, is in static variables of the files that need it; the
   GIL protects them. */

#ifndef Py_INTERNAL_IMMORTAL_HEAP_H
#define Py_INTERNAL_IMMORTAL_HEAP_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_gc.h"            // PyGC_Head

/* What a call did, in objects. */
struct _Py_immortal_heap_stats {
    Py_ssize_t collected;       /* unreachable objects found */
    Py_ssize_t frozen;          /* moved to the list of immortals */
    Py_ssize_t immortalized;    /* made immortal */
};

/* Done with what becomes immortal and is not tracked by the collector, while
   it is at hand: each str, bytes and int, tuples of such, code; but not if C
   code may be filling it.  leaf may run no other code. */
struct _Py_leaf_hook {
    void (*leaf)(PyObject *op, void *arg);
    void *arg;
};

/* The explicit call: everything alive becomes immortal, except the module
   __main__ and its dictionary themselves; frames that still run; tracebacks
   and exceptions that hold such a frame; and what C code is still filling.
   Garbage is collected, but not what gc.freeze() took.
   The main interpreter only.

   collect, arg -- what runs a full collection and returns the number of
                   unreachable objects, or 0 if one is running.
   hook         -- what is to be done with what becomes immortal; or NULL.

   Returns 0, or -1 with MemoryError set: what was marked by then stays
   immortal, the rest as it was. */
extern int _PyGC_ExtendImmortalHeap(PyInterpreterState *interp,
                                    Py_ssize_t (*collect)(void *), void *arg,
                                    const struct _Py_leaf_hook *hook,
                                    struct _Py_immortal_heap_stats *stats);

/* The list of what is immortal and tracked by the collector, as the collector
   of interp sees it: all in the main interpreter, nothing in others.  What is
   on it is never mortal; it is not in a generation, and no collection goes
   there.

   gc.unfreeze() has nothing to move in it, and does not write to it. */
extern PyGC_Head *_PyImmortalHeap_List(PyInterpreterState *interp);

/* Append gc, which is immortal and on no list. */
extern void _PyImmortalHeap_Adopt(PyGC_Head *gc);

/* Does what is on the list count as part of the permanent generation, for who
   asks with a function of gc's?  From gc.freeze() to gc.unfreeze(), or to the
   next call that makes the heap immortal.  Else it counts as part of the
   oldest generation, where it would be in an unpatched interpreter. */
extern int _PyImmortalHeap_IsFrozen(PyInterpreterState *interp);
extern void _PyImmortalHeap_SetFrozen(PyInterpreterState *interp, int frozen);

/* Was a heap made immortal in this process?  Then there are objects that
   outlive the interpreter. */
extern int _PyImmortalHeap_Exists(void);

/* Was gc.immortalize_heap() called?  Then what is immortal may be garbage. */
extern int _PyImmortalHeap_WasExtended(void);

/* When the interpreter ends, so does the process: Py_Initialize() will not be
   called again. */
PyAPI_FUNC(void) _PyImmortalHeap_ProcessEnds(void);
extern int _PyImmortalHeap_DoesProcessEnd(void);

/* May finalization leave alone what only the next Py_Initialize() could
   trip over?  It finds the runtime's static strings without their hashes, so
   that dictionaries of static types would no longer find their keys. */
extern int _PyImmortalHeap_LeaveAlone(void);

/* Did an object become immortal that has a finalizer, and that the collector
   does not track? */
extern int _PyImmortalHeap_HasUntrackedFinalizers(void);

/* In Modules/gcmodule.c: the first half of a collection.  Replace the
   _gc_prev of all on list by PREV_MASK_COLLECTING and the number of
   references that do not come from list; move immortal objects to the list
   of such.  The caller must restore _gc_prev, and may not call
   it while a collection runs. */
extern void _PyGC_CountExternal(PyGC_Head *list);

/* In Modules/gcmodule.c: clear all weak references to what is on unreachable,
   where PREV_MASK_COLLECTING is set, and call those back that are not on it
   themselves.  These end up on old. */
extern void _PyGC_HandleWeakrefs(PyThreadState *tstate,
                                 PyGC_Head *unreachable, PyGC_Head *old);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_HEAP_H */
