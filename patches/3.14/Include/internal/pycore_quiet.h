/* Quiet code: what the interpreter loop knows of it (Python/immortal_quiet.c).

   Instructions that adapt have a counter each.  It runs down to the next
   attempt to specialize an instruction of the general form, and counts the
   misses of a specialized one.  One whose backoff is UNREACHABLE_BACKOFF never
   gets there; here it does not run, either. */

#ifndef Py_INTERNAL_QUIET_H
#define Py_INTERNAL_QUIET_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_backoff.h"       // UNREACHABLE_BACKOFF

/* Counters of quiet instructions.  That of a general one stays for ever.  Of a
   specialized one, very many misses set it going again: they are counted
   elsewhere.  (A tool of sys.monitoring makes the first into the second, when
   it comes by; both are without harm for either kind.) */
#define _PyCode_QUIET_GENERAL UNREACHABLE_BACKOFF
#define _PyCode_QUIET_SPECIALIZED ((1 << BACKOFF_BITS) | UNREACHABLE_BACKOFF)

static inline int
_PyCode_IsQuietCounter(_Py_BackoffCounter counter)
{
    return (counter.value_and_backoff & UNREACHABLE_BACKOFF) ==
        UNREACHABLE_BACKOFF;
}

/* A specialized instruction that is quiet met something else than it is
   specialized for. */
extern void _PyCode_QuietMiss(_Py_BackoffCounter *counter);

/* An instruction was executed in its general form: it has no other, or misses.
   1 if it is quiet, and its counter must not be written. */
static inline int
_PyCode_CountQuietly(_Py_BackoffCounter *counter)
{
    if (!_PyCode_IsQuietCounter(*counter)) {
        return 0;
    }
    if (counter->value_and_backoff != _PyCode_QUIET_GENERAL) {
        _PyCode_QuietMiss(counter);
    }
    return 1;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_QUIET_H */
