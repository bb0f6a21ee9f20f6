/* Finalization at shutdown: what is finalized before its turn.

   Files are closed after all other finalizers, which may write to them.  But
   a finalizer may wait for a process that reads one of them to its end: a pipe
   that we would close after the finalizer.  An unpatched interpreter may have
   closed it before.  Nobody can tell such a wait from one that is just long.

   So the finalizer goes on waiting, with all of its timeout, and files are
   closed meanwhile (finalize_ahead.c): after some seconds without any
   processor time those that feed another process; after more than half a
   minute all.

   The watching thread (finalize_watch.c) only asks for it.  The one that
   finalizes does it: a signal interrupts its system call, as any signal would;
   thereupon Python's own modules look for signals (PyErr_CheckSignals()), and
   begin the call again with the time that is left.  C code that does not look
   is left waiting. */

#include "Python.h"
#include "pycore_finalize_watch.h"
#include "pycore_interp.h"
#include "pycore_pyerrors.h"      // _PyErr_Occurred()
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()

#if defined(__linux__) && defined(PY_HAVE_THREAD_NATIVE_ID)
#  include <errno.h>
#  include <signal.h>
#  include <stdatomic.h>
#  include <sys/syscall.h>
#  include <unistd.h>
#endif

#if defined(__linux__) && defined(SYS_futex) && \
    defined(PY_HAVE_THREAD_NATIVE_ID)

/* How many looks, of a quarter of a second each, until pipes are closed, and
   what was dropped is finalized; and until all files are closed: more than the
   thirty seconds that programs like to grant. */
#define PATIENCE_WITH_PIPES 20
#define PATIENCE_WITH_FILES 140

/* The system call may end just as the signal comes, and the next one wait. */
#define SIGNALS 4

/* Ignored by default.  If somebody has a use for it, it is theirs. */
#define SIGNAL SIGURG

/* What the watching thread asks for, and for which finalizer. */
enum { NOTHING, PIPES, ALL };
static atomic_int asked = NOTHING;
static atomic_uint asked_for = 0;
static atomic_int asked_fds[_Py_FINALIZE_MAX_USED];    /* in use */
static atomic_int asked_n_fds = 0;
static atomic_uint n_finalizers = 0;

/* Is there anything to be done?  Nothing is interrupted for nothing. */
static atomic_int any_pipes = 0;
static atomic_int any_dropped = 0;  /* or what may be */
static atomic_int any_files = 0;

/* Of the thread that finalizes. */
static _Py_finalize_order *current = NULL;
static unsigned long current_thread;
static void (*finalize)(void *, PyObject *);
static void *finalize_arg;
static PyObject *at_hand = NULL;    /* its finalizer runs; borrowed */

/* The watching thread has seen what is used; the one that finalizes reads. */
static void
store_used(const _Py_finalize_syscall *call)
{
    _Py_finalize_used used;
    _PyFinalize_FindUsed(call, &used);
    for (int i = 0; i < used.n; i++) {
        atomic_store(&asked_fds[i], used.fds[i]);
    }
    atomic_store(&asked_n_fds, used.n);
}

static void
load_used(_Py_finalize_used *used)
{
    used->n = atomic_load(&asked_n_fds);
    for (int i = 0; i < used->n; i++) {
        used->fds[i] = atomic_load(&asked_fds[i]);
    }
}

/* Does it sleep, all the time, for so long as it was told to?  What would come
   of an object would not end that. */
static int
is_one_sleep(const _Py_finalize_seen *seen, long number)
{
    int sleeps = 0;
#ifdef SYS_nanosleep
    sleeps |= number == SYS_nanosleep;
#endif
#ifdef SYS_clock_nanosleep
    sleeps |= number == SYS_clock_nanosleep;
#endif
    return sleeps && seen->still >= PATIENCE_WITH_PIPES / 2;
}

/* Its only use is to interrupt a system call. */
static void
interrupt(int Py_UNUSED(number))
{
}

/* Done by the thread that finalizes: the watching one might come too late, and
   nobody would take it back. */
static void
handle_signal(void)
{
    struct sigaction action = {.sa_handler = interrupt}, old;
    (void)sigemptyset(&action.sa_mask);     /* and not SA_RESTART */
    if (sigaction(SIGNAL, NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
        (void)sigaction(SIGNAL, &action, NULL);
    }
}

/* Is the handler ours? */
static int
is_handled(void)
{
    struct sigaction action;
    return sigaction(SIGNAL, NULL, &action) == 0 &&
        action.sa_handler == interrupt;
}

static void
send_signal(unsigned long thread)
{
    if (is_handled()) {
        (void)syscall(SYS_tgkill, (long)getpid(), (long)thread, (long)SIGNAL);
    }
}

void
_PyFinalize_LookAtFiles(_Py_finalize_seen *seen, unsigned long thread,
                        int idle, int has_run,
                        const _Py_finalize_syscall *call)
{
    unsigned finalizer = atomic_load(&n_finalizers);
    int files = NOTHING;
    seen->idle = idle && finalizer == seen->finalizer ? seen->idle + 1 : 0;
    seen->finalizer = finalizer;
    seen->still = seen->idle == 0 || has_run ? 0 : seen->still + 1;
    if (seen->idle == PATIENCE_WITH_PIPES &&
        (atomic_load(&any_pipes) ||
         (atomic_load(&any_dropped) && !is_one_sleep(seen, call->number))))
    {
        files = PIPES;
    }
    else if (seen->idle == PATIENCE_WITH_FILES && atomic_load(&any_files)) {
        files = ALL;
    }
    if (files != NOTHING) {
        store_used(call);
        atomic_store(&asked_for, finalizer);
        atomic_store(&asked, files);
        seen->signals = SIGNALS;
    }
    if (seen->signals > 0) {
        seen->signals--;
        if (atomic_load(&asked) && atomic_load(&asked_for) == finalizer) {
            send_signal(thread);
        }
    }
}

/* The finalizer that waits has its own account of what it waited for. */
static void
finalize_early(int all, const _Py_finalize_used *used)
{
    PyObject *waiting = at_hand;
    struct _Py_finalize_stopped *stopped = &_PyFinalize_stopped;
    int refusals = stopped->refusals, vain = stopped->vain;
    int closes = stopped->closes;
    _PyFinalize_Ahead(current, waiting, all, used, finalize, finalize_arg);
    stopped->refusals = refusals;
    stopped->vain = vain;
    stopped->closes = closes;
    at_hand = waiting;
}

void
_PyFinalize_CheckFiles(void)
{
    if (atomic_load_explicit(&asked, memory_order_acquire) == NOTHING ||
        current == NULL || current_thread != PyThread_get_thread_native_id() ||
        !_Py_IsMainInterpreter(_PyInterpreterState_GET()) ||
        _PyErr_Occurred(_PyThreadState_GET()))
    {
        return;
    }
    int error = errno;
    unsigned finalizer = atomic_load(&asked_for);
    _Py_finalize_used used;
    load_used(&used);
    int files = atomic_exchange(&asked, NOTHING);
    if (files != NOTHING && finalizer == atomic_load(&n_finalizers)) {
        finalize_early(files == ALL, &used);
    }
    errno = error;
}

void
_PyFinalize_CountFinalizer(void)
{
    atomic_fetch_add(&n_finalizers, 1);
}

void
_PyFinalize_SetAtHand(PyObject *op)
{
    /* A finalizer may end another interpreter meanwhile. */
    if (_Py_IsMainInterpreter(_PyInterpreterState_GET())) {
        at_hand = op;
    }
}

/* Is there anything to be asked for while the finalizers of order run? */
static int
may_wait(_Py_finalize_order *order)
{
    _Py_finalize_ahead may = {0};
    _PyFinalize_MayGoAhead(order, &may);
    atomic_store(&any_dropped, may.dropped);
    atomic_store(&any_pipes, may.pipes);
    atomic_store(&any_files, may.files);
    return may.dropped || may.pipes || may.files;
}

void
_PyFinalize_BeginFiles(PyThreadState *tstate, _Py_finalize_order *order,
                       void (*function)(void *, PyObject *), void *arg)
{
    if (!_PyPort_CHECKS_FILES || !_Py_IsMainInterpreter(tstate->interp) ||
        !may_wait(order))
    {
        return;
    }
    finalize = function;
    finalize_arg = arg;
    current_thread = PyThread_get_thread_native_id();
    current = order;
    handle_signal();
    _PyFinalize_WatchForFiles(tstate);
}

void
_PyFinalize_EndFiles(PyThreadState *tstate)
{
    if (current == NULL || !_Py_IsMainInterpreter(tstate->interp)) {
        return;
    }
    current = NULL;
    /* The thread goes on watching.  It has nothing to ask for any more. */
    atomic_store(&any_dropped, 0);
    atomic_store(&any_pipes, 0);
    atomic_store(&any_files, 0);
    _PyFinalize_CountFinalizer();
    atomic_store(&asked, NOTHING);
    if (is_handled()) {
        (void)signal(SIGNAL, SIG_DFL);
    }
}

#else   /* what the thread waits for is not to be known */

void
_PyFinalize_LookAtFiles(_Py_finalize_seen *Py_UNUSED(seen),
                        unsigned long Py_UNUSED(thread), int Py_UNUSED(idle),
                        int Py_UNUSED(has_run),
                        const _Py_finalize_syscall *Py_UNUSED(call))
{
}

void
_PyFinalize_CheckFiles(void)
{
}

void
_PyFinalize_CountFinalizer(void)
{
}

void
_PyFinalize_SetAtHand(PyObject *Py_UNUSED(op))
{
}

void
_PyFinalize_BeginFiles(PyThreadState *Py_UNUSED(tstate),
                       _Py_finalize_order *Py_UNUSED(order),
                       void (*Py_UNUSED(function))(void *, PyObject *),
                       void *Py_UNUSED(arg))
{
}

void
_PyFinalize_EndFiles(PyThreadState *Py_UNUSED(tstate))
{
}

#endif
