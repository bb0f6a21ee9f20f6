/* What one part of the interpreter has to know of code that another made. */

#ifndef Py_INTERNAL_CODE_HOOKS_H
#define Py_INTERNAL_CODE_HOOKS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_code.h"          // _Py_CODEUNIT

/* Lets those instructions, of n, stop adapting that the interpreter
   itself does not know of.  NULL until there are any; whoever makes some
   sets it first. */
extern void (*_PyCode_SettleHook)(_Py_CODEUNIT *instructions, Py_ssize_t n);

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_CODE_HOOKS_H */
