/* The immortal heap: everything alive at a point in time, made immortal. */

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

/* PyStatus error if -X immortal_heap or PYTHONIMMORTALHEAP has a value that
   means nothing. */
extern PyStatus _PyImmortalHeap_CheckConfig(const PyConfig *config);

/* The start-up call: pymain makes it once, after site was imported and
   before the first user code runs.  Everything alive becomes immortal except
   __main__, its dictionary, and what only these two keep alive.  Does nothing
   if the configuration says so.

   Returns 0, or -1 with an exception set. */
extern int _PyGC_ImmortalizeHeap(void);

/* Say, before the interpreter is initialized, that _PyGC_ImmortalizeHeap()
   will be called.  Until then, automatic collections wait, since there is
   next to nothing to collect.  They do not wait for ever: a bounded number of
   containers may be created, and the first import of gc, or a collection that
   is asked for, ends it at once.

   HoldCollections() is for the initialization, as soon as interp has its
   configuration. */
extern void _PyImmortalHeap_Announce(void);
extern void _PyImmortalHeap_HoldCollections(PyInterpreterState *interp);

/* gc.immortalize_heap(): everything alive becomes immortal, except the module
   __main__ and its dictionary themselves; frames that still run; tracebacks
   and exceptions that hold such a frame; and what C code is still filling.
   Garbage is collected, but not what gc.freeze() took.
   The main interpreter only.

   collect, arg -- what runs a full collection and returns the number of
                   unreachable objects, or 0 if one is running.
   filled       -- as for _PyImmortalHeap_Mark().

   Returns 0, or -1 with MemoryError set: what was marked by then stays
   immortal, the rest as it was. */
extern int _PyImmortalHeap_Extend(PyInterpreterState *interp,
                                  Py_ssize_t (*collect)(void *), void *arg,
                                  size_t *filled,
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

/* Mark what is on list, on the permanent generation's list and on that of
   immortals, in running frames and in static types, and all they hold,
   transitively; but for what C code may be filling, and what only that holds.
   Of the permanent generation, it moves to the list of immortals.

   young      -- of list, the first object that no collection has seen.
   kept       -- where to move what is on list and stays mortal; if alive_only,
                 it stays where it is.
   spared     -- two objects, or NULL, to be left mortal and passed by.
   root       -- an object whose referents are marked as well, or NULL.
   alive_only -- of list, mark only what is referred to from outside of it,
                 and what that holds: _PyGC_CountExternal(list) was called.
                 PREV_MASK_COLLECTING is cleared for these.
   filled     -- where to add the number of hashes computed, of what becomes
                 immortal; NULL to compute none.  None are unless alive_only.

   counter    -- counts the references to what has to be deallocated at exit;
                 or NULL.

   Returns the number of objects that became immortal, or -1 for lack of
   memory (without an exception). */
struct _Py_counter;
extern Py_ssize_t _PyImmortalHeap_Mark(PyInterpreterState *interp,
                                       PyGC_Head *list, PyGC_Head *young,
                                       PyGC_Head *kept,
                                       PyObject *const spared[2],
                                       PyObject *root, int alive_only,
                                       size_t *filled,
                                       struct _Py_counter *counter);

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

/* In Modules/gcmodule.c: the child of a fork takes back what a collection holds
   whose thread it has not got.  Called before it makes any threads. */
extern void _PyGC_AfterFork(PyThreadState *tstate);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_HEAP_H */
