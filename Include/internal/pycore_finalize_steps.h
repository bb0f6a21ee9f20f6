/* Finalization at shutdown: what only its own files share.

   The steps, each in a file of its own: which modules there are
   (finalize_modules.c), which finalizers (finalize_find.c), in which order
   (finalize_order.c, finalize_walk.c, finalize_names.c, finalize_files.c),
   callbacks (finalize_weakrefs.c); finalize_run.c has the whole. */

#ifndef Py_INTERNAL_FINALIZE_STEPS_H
#define Py_INTERNAL_FINALIZE_STEPS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_addrset.h"       // _Py_addrset
#include "pycore_finalize.h"
#include "pycore_gc.h"            // PyGC_Head
#include "pycore_immortal_port.h" // _PyPort_THREAD_LOCAL
#include "pycore_objlist.h"       // _Py_objlist
#include "pycore_object.h"        // _PyObject_IS_GC()

/* A module, or what else a user put into sys.modules. */
typedef struct {
    PyObject *name;         /* strong */
    PyObject *object;       /* strong; NULL: dropped */
    PyObject *dict;         /* borrowed; NULL if object is not a module */
    enum {
        _Py_MODULE_USER,
        _Py_MODULE_PURE,    /* of the standard library, written in Python */
        _Py_MODULE_C        /* of the standard library, written in C */
    } kind;
    Py_ssize_t start;       /* its finalizers: those in the order's list */
    Py_ssize_t end;         /* from start to end - 1 */
    Py_ssize_t told;        /* nobody reports the exceptions of those before
                               it: an unpatched interpreter has no sys.stderr
                               by then */
} _Py_finalize_module;

typedef struct {
    _Py_finalize_module *items;
    Py_ssize_t size;
    int dropped;
} _Py_finalize_modules;

/* Fill list with all modules, in the order in which they are finalized: user
   modules newest to oldest, __main__ as the newest; then the standard
   library, pure-Python modules before C modules.

   Returns 0, or -1 with an exception set. */
extern int _PyFinalize_ListModules(PyInterpreterState *interp,
                                   _Py_finalize_modules *list);
extern void _PyFinalize_FreeModules(_Py_finalize_modules *list);

/* Have no references to modules any more, while finalizers run. */
extern void _PyFinalize_DropModules(_Py_finalize_modules *list);

/* Let go of the user's modules.  list is of no use after that but to be
   freed. */
extern void _PyFinalize_ClearModules(PyThreadState *tstate,
                                     _Py_finalize_modules *list, int verbose);

/* The weak references that it had cleared and not called back yet; each is
   owed a Py_DECREF().  To be emptied by the caller. */
extern _Py_objlist *_PyGC_LeftCallbacks(void);

/* May a walk call the tp_traverse of op?  What is not tracked may be half
   made, but for tuples and dicts. */
static inline int
_PyFinalize_CanExpand(PyObject *op)
{
    return _PyObject_IS_GC(op) &&
        (_PyObject_GC_IS_TRACKED(op) || PyDict_Check(op) || PyTuple_Check(op));
}

/* Run the finalizer of op, which has one that did not run.  The collector's
   flag says so first of all: whoever goes on where the calling thread got
   stuck must not run it again. */
static inline void
_PyFinalize_Call(PyObject *op)
{
    if (_PyObject_IS_GC(op)) {
        _PyGC_SET_FINALIZED(op);
    }
    Py_TYPE(op)->tp_finalize(op);
}

/* When an object's turn comes: the higher, the earlier. */
typedef struct {
    PyObject *object;       /* borrowed */
    Py_ssize_t turn;
} _Py_finalize_turn;

/* Add the modules of all other interpreters, and their dictionaries, to set.
   Returns 0, or -1 for lack of memory (without an exception). */
extern int _PyFinalize_AddForeignModules(PyInterpreterState *own,
                                         _Py_addrset *set);

/* What there is to be finalized. */
typedef struct {
    PyObject **pending;     /* tracked, with a finalizer that did not run:
                               borrowed, valid until a finalizer runs */
    Py_ssize_t n_pending;
    Py_ssize_t pending_allocated;
    _Py_objlist watchers;   /* weak references with a callback of the user's */
    _Py_objlist observers;  /* weak references to what is immortal */
    int weakrefs;           /* are there any to mortal objects? */
    int callbacks;          /* are any of these to be called back? */
    int untracked;          /* may there be more that the collector does not
                               track?  Only a walk can find it. */
} _Py_finalize_found;

/* In which order. */
typedef struct _Py_finalize_order {
    _Py_objlist objects;    /* the last one comes first */
    _Py_objlist watchers;   /* weak references with a callback of the user's */
    unsigned char *in_front;    /* of what is borrowed among objects: how many
                                   bytes its memory begins before it */
    unsigned char *watchers_in_front;   /* the same of watchers */
    _Py_addrset memory;     /* of what is borrowed, what is still there */
    int borrowing;
    int unknown;            /* it is not known any more what is */
    struct _Py_finalize_order *outer;   /* being run around this one */
    Py_ssize_t streams;     /* below: only sys.stdout and the like need them */
    _Py_objlist lost;       /* pending, but the walk did not come to them */
    _Py_objlist orphaned;   /* observers that it came to, of which it did not
                               come to what they refer to */
    _Py_addrset held;       /* files that something other than a file holds */
    _Py_finalize_turn *turns;   /* of watchers, and of what they watch */
    Py_ssize_t n_turns;
    Py_ssize_t turns_allocated;
} _Py_finalize_order;

/* One end of what is not numbered yet on the collector's lists. */
typedef struct {
    PyGC_Head *gc;          /* the next one to be numbered */
    int list;               /* on which list that is, the oldest is 0 */
    int step;               /* 1 at the old end, -1 at the young end */
    uint32_t number;        /* to be given to it */
} _Py_finalize_end;

/* Where objects are on the collector's lists.  Valid as long as these do not
   change. */
typedef struct {
    _Py_addrset numbers;    /* a table of numbers by address */
    _Py_finalize_end old;
    _Py_finalize_end young;
    int started;
    int done;               /* all are numbered */
} _Py_finalize_places;

/* Sort the n members of a set, the oldest first.

   places -- empty, or as a previous call left it; to be freed by the caller,
             also after an error.

   Returns 0, or -1 for lack of memory (without an exception). */
extern int _PyFinalize_SortMembers(PyInterpreterState *interp,
                                   _Py_finalize_places *places,
                                   uintptr_t *members, Py_ssize_t n);
extern void _PyFinalize_FreePlaces(_Py_finalize_places *places);

/* Does op have a finalizer that did not run yet?

   finished -- objects that are not of the collector, and so have no flag to
               say that theirs ran. */
extern int _PyFinalize_IsPending(PyObject *op, _Py_addrset *finished);

/* Note that the finalizer of op runs, where op itself cannot.  Returns 0, or
   -1: it must not run, for it could not be told later that it did. */
extern int _PyFinalize_NoteFinished(PyObject *op, _Py_addrset *finished);

/* Walk from all modules, and find the pending finalizers in topological
   order: what refers to an object goes before it.

   finished -- as above.
   lost     -- NULL, or what a previous walk did not come to: it goes after all
               modules.
   order    -- empty.

   Returns 0, or -1 for lack of memory (without an exception). */
extern int _PyFinalize_Order(PyInterpreterState *interp,
                             _Py_finalize_modules *modules,
                             const _Py_finalize_found *found,
                             const _Py_objlist *lost,
                             _Py_addrset *finished,
                             _Py_finalize_order *order);

extern void _PyFinalize_ClearOrder(_Py_finalize_order *order);

/* Drop the references that order->objects and order->watchers have, so that
   each of these can be deallocated when nobody else has one.  Where that could
   not be seen, or without memory, they stay.  Ends with
   _PyFinalize_ReturnObjects(), which leaves both lists empty, or as they were;
   in the same thread, the last one first. */
extern void _PyFinalize_BorrowObjects(_Py_finalize_order *order);
extern void _PyFinalize_ReturnObjects(_Py_finalize_order *order);

/* A new reference to object i, or to watcher i, of order; NULL if it is not
   there any more.  After a finalizer has replaced the allocator, it is always
   NULL, and order->unknown is set. */
extern PyObject *_PyFinalize_TakeObject(_Py_finalize_order *order,
                                        Py_ssize_t i);
extern PyObject *_PyFinalize_TakeWatcher(_Py_finalize_order *order,
                                         Py_ssize_t i);

/* Look through the collector's lists.  Returns as above. */
extern int _PyFinalize_Find(PyInterpreterState *interp,
                            const _Py_finalize_modules *modules,
                            _Py_addrset *finished,
                            _Py_finalize_found *found);
extern void _PyFinalize_ClearFound(_Py_finalize_found *found);

/* Note the turn of op in order.  Returns 0, or -1 for lack of memory (without
   an exception). */
extern int _PyFinalize_RecordTurn(_Py_finalize_order *order, PyObject *op,
                                  Py_ssize_t turn);
extern void _PyFinalize_SortTurns(_Py_finalize_order *order);

/* Call the watchers of order back for objects whose turn came before that of
   the weak reference; take the callback from all others.  Returns the number
   of calls. */
extern Py_ssize_t _PyFinalize_RunCallbacks(_Py_finalize_order *order);

/* Run all pending finalizers in no particular order, files last; for lack of
   memory.  Returns how many there were. */
extern Py_ssize_t _PyFinalize_RunInAnyOrder(PyInterpreterState *interp,
                                            _Py_addrset *finished);

/* Clear all weak references to op; none is called back. */
extern void _PyFinalize_ClearReferences(PyObject *op);

/* Clear the weak references to what those on the list refer to, which is
   garbage but for being immortal, and call them back: the collector cannot.
   Returns the number of calls. */
extern Py_ssize_t _PyFinalize_CallOrphaned(const _Py_objlist *orphaned);

/* The files that the interpreter opened for itself, in three layers; borrowed.
   Begins as all zero, and is filled when it is asked for first: what
   finalizers make of sys.__stdout__ later is not seen. */
typedef struct {
    int known;
    int n;
    PyObject *files[9];
} _Py_finalize_streams;

/* Is op one of them?  These are flushed (flush_std_files()), never closed. */
extern int _PyFinalize_IsInterpretersStream(PyInterpreterState *interp,
                                            _Py_finalize_streams *streams,
                                            PyObject *op);

/* Does op say that it is closed?  -1: it has no such attribute; -2: it cannot
   tell. */
extern int _PyFinalize_IsClosed(PyObject *op);

/* Note what sys.stdout and sys.stderr are, for _PyFinalize_IsReplaced().
   Called once, before any of it is changed here. */
extern void _PyFinalize_NoteStreams(PyInterpreterState *interp);

/* Bind sys.stdout and sys.stderr to the interpreter's own streams where there
   is nothing, None, or what is closed.  An unpatched interpreter does so with
   any stand-in, before most finalizers run. */
extern void _PyFinalize_RestoreStreams(PyInterpreterState *interp);

/* Bind the names of builtins to what they had at start-up, where the program
   took them away or replaced them.  Names that it added stay.  An unpatched
   interpreter does so (finalize_restore_builtins()) when sys.modules is clear,
   before it collects what modules hold in circles, and drops added names.

   Returns a new list of what was replaced, which may have finalizers, or NULL
   without an exception: there was no memory for it. */
extern PyObject *_PyFinalize_RestoreBuiltins(PyInterpreterState *interp);

/* Is op a file that is closed by its finalizer, and does nothing else in it?
   Also one that is written in Python, as long as it has no __del__. */
extern int _PyFinalize_IsPlainFile(PyObject *op);

/* Is op a file of any kind, with a __del__ or without? */
extern int _PyFinalize_IsFile(PyObject *op);

/* How far a file is from the bottom of a stack of files, 0 to 3.  A cycle of
   files has to be entered at its top. */
#define _Py_FILE_HEIGHT 3
extern int _PyFinalize_FileHeight(PyObject *op);

/* The attributes that user code gave to a file which is implemented in C, or
   NULL; borrowed.  They say nothing of what it needs in order to be closed:
   that is the file below it, which is no attribute, but to which attributes
   may lead back (raw.owner = text). */
extern PyObject *_PyFinalize_FileAttributes(PyObject *op);

/* What the thread that finalizes an interpreter knows of those that were
   stopped.  A finalizer may end another interpreter in between: both then
   count as one. */
struct _Py_finalize_stopped {
    int depth;              /* so many interpreters are being finalized */
    Py_ssize_t n;           /* threads */
    _Py_addrset in_use;     /* addresses of what was on their stacks */
    _Py_addrset called;     /* what IsBusy() */
    /* Waits for them (finalize_wait.c). */
    int any_error;          /* was anything refused? */
    int any_refused;        /* was a wait? */
    int refusals;           /* of this finalizer's */
    int vain;               /* has one of this finalizer's timed out? */
    int closes;             /* does it close a file of the io module's? */
    int64_t waited;
    int64_t slept;
    int sleeps;
};
extern _PyPort_THREAD_LOCAL struct _Py_finalize_stopped _PyFinalize_stopped;

/* Was op among the arguments and variables of a stopped thread's functions, or
   one of these functions?  By its address: something else may be there by
   now. */
extern int _PyFinalize_WasInUse(PyObject *op);

/* Was op an operand of a stopped thread's, or in one that is an extension
   module's, and is its finalizer code of an extension module's?  The thread
   may be in the middle of that module's code with it, and have its locks. */
extern int _PyFinalize_IsBusy(PyObject *op);

/* Was a thread stopped that ran any function? */
extern int _PyFinalize_AnyInUse(void);

/* The finalizer of op begins: it may be refused as often as the last one. */
extern void _PyFinalize_BeginFinalizer(PyObject *op);
extern void _PyFinalize_EndFinalizer(void);

/* Make the calls that a stopped thread's collection did not come to. */
extern void _PyFinalize_CallLeft(void);

/* Clear weak references to what is unreachable, and call them back, as a
   collection would; finalize and delete nothing.  The order of the objects on
   the collector's lists stays, but that all are on one and garbage comes
   last.  Does nothing while a collection runs. */
extern void _PyFinalize_CallBackGarbage(PyThreadState *tstate);

/* Find out which namespaces are garbage: nothing holds them but the caller,
   with one reference each, and other garbage.

   dicts -- n of them; those that are garbage are replaced by NULL.

   Returns 0, or -1 for lack of memory, or because a collection runs (without
   an exception): then dicts is as it was. */
extern int _PyFinalize_FindGarbage(PyInterpreterState *interp,
                                   PyObject **dicts, Py_ssize_t n);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_STEPS_H */
