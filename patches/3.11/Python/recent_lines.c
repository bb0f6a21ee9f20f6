/* Line numbers that tracebacks asked for lately.

   Each frame that an exception leaves gets a traceback object with its line
   number, whether anybody reads it or not.  To find it, the table of the
   code's locations is decoded from its beginning.  Programs that use
   exceptions for control flow raise them at the same places again and again,
   so the last answer for a place is kept.

   The key is the code object and an offset in it.  A code object's table never
   changes, and the entries of one that is freed are dropped. */

#include "Python.h"
#include "pycore_code.h"          // _Py_CODEUNIT
#include "pycore_recent_lines.h"

#define RECENT 128

static struct recent_line {
    PyCodeObject *code;           /* borrowed; only compared; NULL: no entry */
    int addrq;
    int line;
} recent_lines[RECENT];

int
_PyCode_RecentLine(PyCodeObject *code, int addrq)
{
    size_t unit = (uintptr_t)addrq / sizeof(_Py_CODEUNIT);
    size_t at = ((uintptr_t)code >> 5) ^ ((uintptr_t)code >> 12) ^ unit;
    struct recent_line *recent = &recent_lines[at % RECENT];
    if (recent->code != code || recent->addrq != addrq) {
        recent->line = PyCode_Addr2Line(code, addrq);
        recent->addrq = addrq;
        recent->code = code;
    }
    return recent->line;
}

void
_PyCode_ForgetLines(PyCodeObject *code)
{
    for (size_t i = 0; i < RECENT; i++) {
        if (recent_lines[i].code == code) {
            recent_lines[i].code = NULL;
        }
    }
}
