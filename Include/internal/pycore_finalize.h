/* Finalization at shutdown: everything is finalized first, in topological
   order, and only then is anything cleared.

   This is what the rest of the interpreter calls.  What the finalize_*.c files
   share is in pycore_finalize_steps.h. */

#ifndef Py_INTERNAL_FINALIZE_H
#define Py_INTERNAL_FINALIZE_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_deallocators.h"  // _PyDeallocators_Note()

/* Run the finalizers of all that is alive in the interpreter of tstate, then
   clear its user modules.  The standard library is left as it is.  Called
   once, before any module is cleared.  What goes wrong in a finalizer is
   reported as unraisable.

   flush     -- flushes sys.stdout and sys.stderr; 0, or -1 if that failed.
                For the exit status, what finalizers print does not count: an
                unpatched interpreter has lost sys.stdout by then.
   unflushed -- has it failed, and was that reported, already? */
extern void _PyFinalize_Interpreter(PyThreadState *tstate, int (*flush)(void),
                                    int unflushed);

/* Deallocate what was open when it became immortal, and what others might
   still have used when _PyFinalize_Interpreter() ended.  Called after modules
   were cleared; and once more (last is 1) after interpreter_clear() let go of
   what interp and its threads hold, for what that could reach.  What others
   may use even then is left alone for good.  Does nothing in a
   subinterpreter. */
extern void _PyFinalize_ReleaseRest(PyInterpreterState *interp, int last);

/* Is that going on just now, in the interpreter of the calling thread? */
extern int _PyFinalize_IsRunning(void);

/* sys.stdout or sys.stderr is stream now, and could not be flushed.  Is that
   the interpreter's own stream, and had the program put another in its place,
   or None, before it ended?  An unpatched interpreter binds sys.stdout to it
   as well, for finalizers to print to, but tells nobody of what does not
   arrive.  0 until finalization has begun. */
extern int _PyFinalize_IsReplaced(PyObject *stream);

/* Are exceptions in finalizers not to be reported just now?  Those of what
   only an attribute of sys holds that came after sys.stderr never were, nor
   what comes after modules were cleared: in an unpatched interpreter
   sys.stderr has gone by then (test_sys_ignores_cleaning_up_user_data). */
extern int _PyFinalize_IsQuiet(void);

/* End all interpreters but that of tstate, the main one, as
   Py_EndInterpreter() does; those in which a thread runs code are left alone.
   Called before threads are stopped: nobody could take the GIL for these
   interpreters after that.  On 3.11 only: later ones end them themselves. */
extern void _PyFinalize_EndInterpreters(PyThreadState *tstate);

/* Were any left alone? */
extern int _PyFinalize_InterpretersAreLeft(void);

/* The threads of the interpreter of tstate are about to be stopped, all but
   tstate.  Called once, with the GIL, which must not be given up before the
   interpreter is known to be finalizing. */
extern void _PyFinalize_ThreadsStop(PyThreadState *tstate);

/* In the child of a fork: it has not got the threads of the interpreter of
   tstate, all but tstate, whose states are about to be deleted.  What they had
   given to C code stays as they left it. */
extern void _PyFinalize_ThreadsAreGone(PyThreadState *tstate);

/* Close files before their turn, if that was asked for (finalize_watch.c).
   For PyErr_CheckSignals(): a system call that waits has been interrupted for
   it.  What goes wrong is reported as unraisable. */
extern void _PyFinalize_CheckFiles(void);

/* The exit status of the process, if it ends with the interpreter. */
extern void _PyFinalize_SetExitStatus(int status);

/* Does the exception that is set say, itself or by what it came from, that
   something was refused because the interpreter is finalizing
   (pycore_finalize_wait.h); or has the finalizer that it comes from waited in
   vain?  Such a one is not to be reported as unraisable, unless the
   configuration asks for it: then 0. */
extern int _PyFinalize_IsExpected(PyThreadState *tstate);

/* Was a wait refused, and is that not to be spoken of?  A coroutine that was
   made for a stopped thread's event loop is never awaited then. */
extern int _PyFinalize_HasRefused(PyThreadState *tstate);

/* May all that is alive be left to the system? */
extern int _PyFinalize_CanLeaveAll(void);

/* In Modules/gcmodule.c: if another thread runs a collection of tstate's
   interpreter, it is about to be stopped, or was left behind by a fork.  What
   the collection holds goes back to the oldest generation; collections can run
   again.  Without memory, some callbacks are lost. */
extern void _PyGC_TakeBack(PyThreadState *tstate);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_H */
