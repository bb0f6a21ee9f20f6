/* Quiet code: what the interpreter loop knows of it
   (Python/immortal_quiet.c). */

#ifndef Py_INTERNAL_QUIET_H
#define Py_INTERNAL_QUIET_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_code.h"          // _Py_CODEUNIT

/* co_warmup of such code. */
#define _PyCode_QUIET 1

/* A specialized instruction of quiet code, counter being its first cache
   entry, met something else than it is specialized for.  1 if its counter
   must not be written. */
extern int _PyCode_QuietMiss(PyCodeObject *code, const _Py_CODEUNIT *counter);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_QUIET_H */
