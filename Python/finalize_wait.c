/* Finalization at shutdown: waiting for threads that are gone.

   Once an interpreter is finalizing, one thread alone runs its Python code:
   every other one is stopped as soon as it asks for the GIL, with all the
   locks that it holds.  Finalizers run all the same, and may ask for such a
   lock, or for a queue, an event or a result that only a stopped thread would
   have served.

   A wait without a timeout would never end: it raises an exception instead of
   beginning.  One with a timeout ends by itself, but a loop around it need
   not; all such waits together get a budget.  So does sleeping, which is how
   a program polls for what another thread should do.

   What was refused and waited for so far is in _PyFinalize_stopped. */

#include "Python.h"
#include "pycore_finalize_steps.h"
#include "pycore_finalize_wait.h"
#include "pycore_immortal_port.h" // _PyPort_AreThreadsStopped()
#include "pycore_initconfig.h"    // _Py_GetConfig()
#include "pycore_pystate.h"       // _PyThreadState_GET()

#define SECOND ((int64_t)1000000000)    /* all times are in nanoseconds */

/* What waits with a timeout may take in all: long enough for a finalizer that
   gives a thread a moment to end. */
#define WAIT_BUDGET (5 * SECOND)

/* Who sleeps for longer, this often or more, is taken to poll. */
#define SLEEP_BUDGET (10 * SECOND)
#define SLEEPS 20

/* So often a finalizer may catch what a refused wait raises and try again. */
#define MAX_REFUSALS 100

/* An exception's type, which is made when it is wanted first; borrowed.

   Without a name in builtins: that is not for a patch to add to. */
static PyObject *
exception_type(const char *name, const char *doc, PyObject *base)
{
    PyObject *types = PyInterpreterState_GetDict(_PyInterpreterState_GET());
    PyObject *type = types == NULL ? NULL : _PyPort_GetItemString(types, name);
    if (type != NULL || PyErr_Occurred() || types == NULL) {
        return type;
    }
    type = PyErr_NewExceptionWithDoc(name, doc, base, NULL);
    if (type == NULL || PyDict_SetItemString(types, name, type) < 0) {
        Py_CLEAR(type);
    }
    Py_XDECREF(type);       /* types has one */
    return type;
}

/* Under the name that it has where it is a built-in; of its own type even
   there: what an unpatched interpreter refuses as well is reported as it
   reports it. */
static PyObject *
finalization_error(void)
{
    PyObject *base = _PyPort_FinalizationError();
    return exception_type("_thread.PythonFinalizationError",
                          "An operation that cannot succeed while the "
                          "interpreter is finalizing.",
                          base != NULL ? base : PyExc_RuntimeError);
}

/* Not an Exception: "except Exception: pass" in a loop does not catch it. */
static PyObject *
stronger_error(void)
{
    return exception_type("_thread.PythonFinalizationExit",
                          "A finalizer goes on waiting for a thread that was "
                          "stopped.", PyExc_BaseException);
}

void
_PyFinalize_SetError(const char *format, ...)
{
    PyObject *type = finalization_error();
    va_list vargs;
    _PyFinalize_stopped.any_error = 1;
    va_start(vargs, format);
    if (type != NULL) {
        PyErr_FormatV(type, format, vargs);
    }
    va_end(vargs);
}

void
_PyFinalize_BeginFinalizer(PyObject *op)
{
    _PyFinalize_stopped.refusals = _PyFinalize_stopped.vain = 0;
    _PyFinalize_stopped.closes = _PyFinalize_IsPlainFile(op);
}

void
_PyFinalize_EndFinalizer(void)
{
    /* What comes after it has not waited. */
    _PyFinalize_stopped.vain = _PyFinalize_stopped.closes = 0;
}

static void
refuse_for_good(void)
{
    PyObject *type = stronger_error();
    if (type != NULL) {
        PyErr_Format(type, "a finalizer has waited %d times for threads "
                     "that were stopped at interpreter shutdown",
                     _PyFinalize_stopped.refusals);
    }
}

static void
refuse(const char *what)
{
    _PyFinalize_stopped.any_refused = 1;
    if (++_PyFinalize_stopped.refusals > MAX_REFUSALS) {
        refuse_for_good();
        return;
    }
    _PyFinalize_SetError("%s: the threads that could end this wait were "
                         "stopped at interpreter shutdown", what);
}

int64_t
_PyFinalize_LimitWait(const char *what, int64_t timeout)
{
    struct _Py_finalize_stopped *stopped = &_PyFinalize_stopped;
    if (timeout == 0 || !_PyPort_AreThreadsStopped(_PyThreadState_GET())) {
        return timeout;
    }
    if (timeout < 0 || stopped->waited >= WAIT_BUDGET) {
        refuse(what);
        return -1;
    }
    stopped->vain = 1;
    timeout = Py_MIN(timeout, WAIT_BUDGET - stopped->waited);
    stopped->waited += timeout;
    return timeout;
}

int
_PyFinalize_AcquireLock(PyThread_type_lock lock)
{
    if (PyThread_acquire_lock(lock, NOWAIT_LOCK)) {
        return 0;
    }
    if (_PyPort_AreThreadsStopped(_PyThreadState_GET())) {
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
    struct _Py_finalize_stopped *stopped = &_PyFinalize_stopped;
    if (!_PyPort_AreThreadsStopped(_PyThreadState_GET()) || stopped->n == 0) {
        return 0;
    }
    if (stopped->slept >= SLEEP_BUDGET && stopped->sleeps >= SLEEPS) {
        refuse("sleep");
        return -1;
    }
    stopped->slept = timeout < SLEEP_BUDGET ? stopped->slept + timeout :
        SLEEP_BUDGET;
    stopped->sleeps++;
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
    return _PyFinalize_stopped.any_refused && !tells_all(tstate);
}

/* Is exc one of what a refused wait raises, or did it come from one? */
static int
is_of_refusal(PyObject *exc)
{
    /* No deeper than a chain that an ordinary program makes; user code can
       close it to a ring. */
    enum { MAX_DEPTH = 32 };
    PyObject *error = finalization_error();
    PyObject *stronger = stronger_error();
    if (error == NULL || stronger == NULL) {
        return 0;
    }
    for (int i = 0; i < MAX_DEPTH; i++) {
        if (PyErr_GivenExceptionMatches(exc, error) ||
            PyErr_GivenExceptionMatches(exc, stronger))
        {
            return 1;
        }
        if (!PyExceptionInstance_Check(exc) || origin_of(exc) == NULL) {
            return 0;
        }
        exc = origin_of(exc);
    }
    return 0;
}

int
_PyFinalize_IsExpected(PyThreadState *tstate)
{
    if (_PyPort_ExceptionType(tstate) == NULL || tells_all(tstate)) {
        return 0;
    }
    if (_PyFinalize_stopped.vain) {
        return 1;   /* what came of it: a TimeoutError, most often */
    }
    if (_PyFinalize_stopped.closes &&
        PyErr_ExceptionMatches(PyExc_BufferError))
    {
        /* Somebody still has a view of the file's memory.  An unpatched
           interpreter closes the file after the view is gone, or never. */
        return 1;
    }
    if (!_PyFinalize_stopped.any_error) {
        return 0;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int expected = is_of_refusal(value != NULL ? value : type) ||
        is_of_refusal(type);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return expected;
}
