/* Finalization at shutdown: finalizers that wait.

   For finalize_watch.c, finalize_early.c, finalize_ahead.c, finalize_dropped.c
   and finalize_run.c. */

#ifndef Py_INTERNAL_FINALIZE_WATCH_H
#define Py_INTERNAL_FINALIZE_WATCH_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_finalize_steps.h"    // _Py_finalize_order

/* Watch the calling thread, which finalizes the interpreter of tstate, until
   _PyFinalize_EndWatch().  If it gets stuck in a wait, another thread calls
   function(its own thread state, arg) with the GIL, and then ends the process;
   the watched one never gets the GIL again.  Does nothing if there never was
   another thread, or the exit status is not known. */
extern void _PyFinalize_BeginWatch(PyThreadState *tstate,
                                   void (*function)(PyThreadState *, void *),
                                   void *arg);
extern void _PyFinalize_EndWatch(void);

/* Watch for finalizers that wait for files, too, until then; also where nobody
   could take over.  By the thread that finalizes the main interpreter. */
extern void _PyFinalize_WatchForFiles(PyThreadState *tstate);

/* The finalizers of order run; while one goes on waiting, files and what was
   dropped may be finalized before their turn: by function(arg, the object),
   which is called by the same thread in the middle of that finalizer.  In the
   main interpreter only. */
extern void _PyFinalize_BeginFiles(PyThreadState *tstate,
                                   _Py_finalize_order *order,
                                   void (*function)(void *, PyObject *),
                                   void *arg);
extern void _PyFinalize_EndFiles(PyThreadState *tstate);

/* The next finalizer begins. */
extern void _PyFinalize_CountFinalizer(void);

/* op is being finalized, in the main interpreter; NULL: not any more.
   Borrowed until then. */
extern void _PyFinalize_SetAtHand(PyObject *op);

/* Is there something to be finalized before its turn, and another finalizer,
   which could wait for that? */
typedef struct {
    int pipes;              /* files that feed somebody */
    int files;              /* any others */
    int dropped;            /* what is immortal, and may be dropped */
} _Py_finalize_ahead;

extern void _PyFinalize_MayGoAhead(_Py_finalize_order *order,
                                   _Py_finalize_ahead *may);

/* Finalize some of it, by function(arg, the object), while the finalizer of
   waiting goes on waiting.

   all  -- all files, not only those that are ends of pipes.
   used -- the descriptor that it waits for, or -1: that one is left open. */
extern void _PyFinalize_Ahead(_Py_finalize_order *order, PyObject *waiting,
                              int all, int used,
                              void (*function)(void *, PyObject *), void *arg);

/* Add to alive, which is empty, what root, a module, a frame, the interpreter
   or anything mortal leads to.  Returns 0, or -1 if that cannot be known
   (without an exception). */
extern int _PyFinalize_FindAlive(PyInterpreterState *interp, PyObject *root,
                                 _Py_addrset *alive);

/* What the watching thread has seen of one finalizer; all zero at first. */
typedef struct {
    unsigned finalizer;
    int idle;               /* looks since nothing used the processor */
    int still;              /* looks since it has run at all */
    int signals;            /* to be sent yet */
} _Py_finalize_seen;

/* That thread has looked again.

   thread -- native id of the watched one.
   idle   -- has nothing used the processor since the last look?
   has_run -- has the watched one, for however short a time?
   number -- of the system call that it is in, or -1; first is its first
             argument. */
extern void _PyFinalize_LookAtFiles(_Py_finalize_seen *seen,
                                    unsigned long thread, int idle,
                                    int has_run, long number,
                                    unsigned long first);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_WATCH_H */
