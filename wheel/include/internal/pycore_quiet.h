/* The extension: quiet code, where the interpreter loop knows nothing of it.

   An instruction that counts writes to its counter whatever is in there.  So
   the counters are left as they are, and instructions learn as ever; what is
   of use is that an instruction writes itself now which would when it is first
   executed (patches/3.14/Python/quiet_code.c). */

#ifndef Py_INTERNAL_QUIET_H
#define Py_INTERNAL_QUIET_H

#include "pycore_backoff.h"       // _Py_BackoffCounter

#define _PyCode_QUIET_GENERAL UNREACHABLE_BACKOFF
#define _PyCode_QUIET_SPECIALIZED UNREACHABLE_BACKOFF

/* Is there nothing to be changed about a counter? */
static inline int
_PyCode_IsQuietCounter(_Py_BackoffCounter Py_UNUSED(counter))
{
    return 1;
}

extern void _PyCode_QuietMiss(_Py_BackoffCounter *counter);

#endif   /* !Py_INTERNAL_QUIET_H */
