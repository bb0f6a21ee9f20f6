/* Finalization at shutdown: waiting for threads that are gone.

   From _PyRuntimeState_SetFinalizing() on, one thread alone runs Python code:
   every other one ends as soon as it asks for the GIL, with all the locks that
   it holds.  Finalizers run all the same, and may ask for such a lock, or for
   a queue, an event or a result that only a stopped thread would have served.

   A wait without a timeout would never end: it raises an exception instead of
   beginning.  One with a timeout ends by itself, but a loop around it need
   not; all such waits together get a budget.  So does sleeping, which is how
   a program polls for what another thread should do. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_finalize_wait.h"
#include "pycore_immortal_port.h" // _PyPort_ExceptionType()
#include "pycore_initconfig.h"    // _Py_GetConfig()
#include "pycore_pystate.h"       // _PyThreadState_GET()
#include "pycore_runtime.h"       // _PyRuntimeState_GetFinalizing()

#define SECOND ((int64_t)1000000000)    /* all times are in nanoseconds */

/* What waits with a timeout may take in all: long enough for a finalizer that
   gives a thread a moment to end. */
#define WAIT_BUDGET (5 * SECOND)

/* Who sleeps for longer, this often or more, is taken to poll. */
#define SLEEP_BUDGET (10 * SECOND)
#define SLEEPS 20

/* So often a finalizer may catch what a refused wait raises and try again. */
#define MAX_REFUSALS 100

static PyObject *error = NULL;
static PyObject *stronger = NULL;   /* for who does not give up */
static int refusals = 0;            /* of this finalizer's */
static int vain = 0;                /* has one of this finalizer's timed out? */
static int any_refused = 0;
static int64_t waited = 0;
static int64_t slept = 0;
static int sleeps = 0;
static Py_ssize_t stopped = 0;

void
_PyFinalize_BeginWaits(Py_ssize_t n_stopped)
{
    waited = slept = 0;
    sleeps = refusals = any_refused = vain = 0;
    stopped = n_stopped;
}

/* Under the name it has in later versions of CPython, where it is a built-in;
   new names in builtins are not for a patch to add. */
static PyObject *
finalization_error(void)
{
    if (error == NULL) {
        error = PyErr_NewExceptionWithDoc(
            "_thread.PythonFinalizationError",
            "An operation that cannot succeed while the interpreter is "
            "finalizing.",
            PyExc_RuntimeError, NULL);
    }
    return error;
}

void
_PyFinalize_SetError(const char *format, ...)
{
    PyObject *type = finalization_error();
    va_list vargs;
    va_start(vargs, format);
    if (type != NULL) {
        PyErr_FormatV(type, format, vargs);
    }
    va_end(vargs);
}

void
_PyFinalize_FreeError(void)
{
    Py_CLEAR(error);
    Py_CLEAR(stronger);
}

void
_PyFinalize_BeginFinalizer(void)
{
    refusals = vain = 0;
}

/* Not an Exception: "except Exception: pass" in a loop does not catch it. */
static void
refuse_for_good(void)
{
    if (stronger == NULL) {
        stronger = PyErr_NewExceptionWithDoc(
            "_thread.PythonFinalizationExit",
            "A finalizer goes on waiting for a thread that was stopped.",
            PyExc_BaseException, NULL);
    }
    if (stronger != NULL) {
        PyErr_Format(stronger, "a finalizer has waited %d times for threads "
                     "that were stopped at interpreter shutdown", refusals);
    }
}

static void
refuse(const char *what)
{
    any_refused = 1;
    if (++refusals > MAX_REFUSALS) {
        refuse_for_good();
        return;
    }
    _PyFinalize_SetError("%s: the threads that could end this wait were "
                         "stopped at interpreter shutdown", what);
}

int64_t
_PyFinalize_LimitWait(const char *what, int64_t timeout)
{
    if (!_PyPort_IsRuntimeFinalizing() || timeout == 0) {
        return timeout;
    }
    if (timeout < 0 || waited >= WAIT_BUDGET) {
        refuse(what);
        return -1;
    }
    vain = 1;
    timeout = Py_MIN(timeout, WAIT_BUDGET - waited);
    waited += timeout;
    return timeout;
}

int
_PyFinalize_AcquireLock(PyThread_type_lock lock)
{
    if (PyThread_acquire_lock(lock, NOWAIT_LOCK)) {
        return 0;
    }
    if (_PyPort_IsRuntimeFinalizing()) {
        refuse("lock");
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS
    PyThread_acquire_lock(lock, WAIT_LOCK);
    Py_END_ALLOW_THREADS
    return 0;
}

int
_PyFinalize_CheckSleep(int64_t timeout)
{
    if (!_PyPort_IsRuntimeFinalizing() || stopped == 0) {
        return 0;
    }
    if (slept >= SLEEP_BUDGET && sleeps >= SLEEPS) {
        refuse("sleep");
        return -1;
    }
    slept = timeout < SLEEP_BUDGET ? slept + timeout : SLEEP_BUDGET;
    sleeps++;
    return 0;
}

/* What exc was raised while handling, or from; NULL if nothing.  Borrowed:
   exc holds it. */
static PyObject *
origin_of(PyObject *exc)
{
    PyBaseExceptionObject *e = (PyBaseExceptionObject *)exc;
    return e->cause != NULL ? e->cause : e->context;
}

static int
tells_all(PyThreadState *tstate)
{
    const PyConfig *config = _PyInterpreterState_GetConfig(tstate->interp);
    return config->verbose || config->dev_mode;
}

int
_PyFinalize_HasRefused(PyThreadState *tstate)
{
    return any_refused && !tells_all(tstate);
}

int
_PyFinalize_IsExpected(PyThreadState *tstate)
{
    /* No deeper than a chain that an ordinary program makes; user code can
       close it to a ring. */
    enum { MAX_DEPTH = 32 };
    if (_PyPort_ExceptionType(tstate) == NULL || tells_all(tstate)) {
        return 0;
    }
    if (vain) {
        return 1;   /* what came of it: a TimeoutError, most often */
    }
    if (error == NULL) {
        return 0;
    }
    if (PyErr_GivenExceptionMatches(_PyPort_ExceptionType(tstate), error) ||
        (stronger != NULL &&
         PyErr_GivenExceptionMatches(_PyPort_ExceptionType(tstate), stronger)))
    {
        return 1;
    }
    PyObject *exc = _PyPort_ExceptionValue(tstate);
    for (int i = 0; i < MAX_DEPTH; i++) {
        if (exc == NULL || !PyExceptionInstance_Check(exc)) {
            return 0;
        }
        if (PyErr_GivenExceptionMatches(exc, error)) {
            return 1;
        }
        exc = origin_of(exc);
    }
    return 0;
}
