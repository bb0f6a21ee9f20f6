/* Finalization at shutdown: finalizers that wait.

   For finalize_watch.c, finalize_early.c, finalize_ahead.c, finalize_used.c,
   finalize_dropped.c and finalize_run.c. */

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

/* The system call that a thread waits in; its number is -1 if it runs, or if
   that is not known. */
typedef struct {
    long number;
    unsigned long args[4];
} _Py_finalize_syscall;

/* The descriptors that it waits for; of more than that, some. */
#define _Py_FINALIZE_MAX_USED 64
typedef struct {
    int fds[_Py_FINALIZE_MAX_USED];
    int n;
} _Py_finalize_used;

/* Find them.  May be called by another thread of the process. */
extern void _PyFinalize_FindUsed(const _Py_finalize_syscall *call,
                                 _Py_finalize_used *used);

/* Finalize some of it, by function(arg, the object), while the finalizer of
   waiting goes on waiting.

   all  -- all files, not only those that are ends of pipes.
   used -- what it waits for: that is left open. */
extern void _PyFinalize_Ahead(_Py_finalize_order *order, PyObject *waiting,
                              int all, const _Py_finalize_used *used,
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
   has_run -- has the watched one, for however short a time? */
extern void _PyFinalize_LookAtFiles(_Py_finalize_seen *seen,
                                    unsigned long thread, int idle,
                                    int has_run,
                                    const _Py_finalize_syscall *call);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_WATCH_H */
