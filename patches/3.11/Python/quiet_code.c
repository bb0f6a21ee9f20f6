/* The immortal heap: code that has learnt stops writing into itself.

   Quickened code goes on counting: down to the next attempt to specialize an
   instruction that could not be specialized, and the misses of one that could.
   In a forked process each such write un-shares a page.  At
   gc.immortalize_heap(), code that was quickened by then becomes quiet:

   - an instruction that was tried and is not specialized becomes the general
     one, which has no counter;
   - an instruction that was never reached stays as it is, and will be
     specialized, with a write, if it is ever reached;
   - a specialized one stays.  Its misses are counted elsewhere, and a code
     object with very many of them starts learning again.

   Code that is still cold is left alone: it would stay slow for ever. */

#include "Python.h"
#include "pycore_code.h"          // _PyCode_CODE()
#include "pycore_code_hooks.h"    // _PyCode_SettleHook
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_fork.h"
#include "pycore_opcode.h"        // _PyOpcode_Deopt
#include "pycore_quiet.h"

/* So many misses at one place, of all that share a counter, wake the code
   object up.  Code that is not quiet tries again after 53. */
#define MISSES 1024
#define COUNTERS 1024

static uint16_t misses[COUNTERS];

int
_PyCode_QuietMiss(PyCodeObject *code, const _Py_CODEUNIT *counter)
{
    uintptr_t at = (uintptr_t)counter / sizeof(*counter);
    uint16_t *n = &misses[(at ^ (at >> 10)) % COUNTERS];
    if (++*n < MISSES) {
        return 1;
    }
    *n = 0;
    code->co_warmup = 0;
    return 0;
}

/* Is opcode what is tried again and again until it can be specialized?  Then
   return what it is without that, else 0. */
static int
general_form(int opcode)
{
    int general = _PyOpcode_Deopt[opcode];
    return general != opcode && _PyOpcode_Adaptive[general] == opcode ?
           general : 0;
}

static void
quiet_code(PyCodeObject *code)
{
    _Py_CODEUNIT *instructions = _PyCode_CODE(code);
    Py_ssize_t n = Py_SIZE(code);
    for (Py_ssize_t i = 0; i < n; i++) {
        int opcode = _Py_OPCODE(instructions[i]);
        int general = general_form(opcode);
        if (general && instructions[i + 1] != 0) {
            _Py_SET_OPCODE(instructions[i], general);
            instructions[i + 1] = 0;
        }
        i += _PyOpcode_Caches[_PyOpcode_Deopt[opcode]];
    }
    if (_PyCode_SettleHook != NULL) {
        _PyCode_SettleHook(instructions, n);
    }
    code->co_warmup = _PyCode_QUIET;
}

void
_PyImmortalHeap_QuietOne(PyObject *op, struct _Py_seal_stats *stats)
{
    PyCodeObject *code = (PyCodeObject *)op;
    if (code->co_warmup == 0) {
        quiet_code(code);
        stats->quiet_code++;
    }
}
