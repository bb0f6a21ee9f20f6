/* Finalization at shutdown: waiting for threads that are gone.

   For whatever waits in C for another thread of Python's, extension modules of
   the standard library included: of these not all define Py_BUILD_CORE, and
   nothing here needs it. */

#ifndef Py_INTERNAL_FINALIZE_WAIT_H
#define Py_INTERNAL_FINALIZE_WAIT_H
#ifdef __cplusplus
extern "C" {
#endif

/* To be asked before waiting for what only another thread can bring about.

   what    -- names what is waited for, in the exception's message.
   timeout -- how long the wait would be, in nanoseconds; negative: for ever.

   Returns how long to wait: timeout, unless the interpreter is finalizing and
   no other thread is left; then less, since all such waits together get five
   seconds.  Then also -1 with PythonFinalizationError set: for a wait that
   would not end, and when the seconds are used up. */
PyAPI_FUNC(int64_t) _PyFinalize_LimitWait(const char *what, int64_t timeout);

/* The same; a timeout for which there is an error must not be confused with
   one that is endless.  Returns 0, or -1 with the exception set. */
static inline int
_PyFinalize_LimitTimeout(const char *what, int64_t *timeout)
{
    *timeout = _PyFinalize_LimitWait(what, *timeout);
    return *timeout < 0 && PyErr_Occurred() ? -1 : 0;
}

/* For a wait that has no timeout.  Returns as above. */
static inline int
_PyFinalize_CheckWait(const char *what)
{
    int64_t endless = -1;
    return _PyFinalize_LimitTimeout(what, &endless);
}

/* Acquire lock, releasing the GIL while it waits; for a lock that is held
   while its owner asks for the GIL: one that is not gets released in any case.
   Returns 0, or -1 with PythonFinalizationError set: a thread that was stopped
   at shutdown holds it. */
PyAPI_FUNC(int) _PyFinalize_AcquireLock(PyThread_type_lock lock);

/* To be asked before sleeping.  Returns 0, or -1 with PythonFinalizationError
   set, if the interpreter is finalizing, threads were stopped, and finalizers
   have slept so often and so long that they seem to wait for one of these. */
PyAPI_FUNC(int) _PyFinalize_CheckSleep(int64_t timeout);

/* Set PythonFinalizationError, a RuntimeError: what was asked for cannot be
   had while the interpreter is finalizing.  An unraisable one is only reported
   in development mode and with -v: on an unpatched interpreter, few of the
   finalizers that meet it would have run. */
PyAPI_FUNC(void) _PyFinalize_SetError(const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_FINALIZE_WAIT_H */
