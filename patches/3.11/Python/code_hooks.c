/* What one part of the interpreter has to know of code that another made. */

#include "Python.h"
#include "pycore_code_hooks.h"

void (*_PyCode_SettleHook)(_Py_CODEUNIT *instructions, Py_ssize_t n) = NULL;
