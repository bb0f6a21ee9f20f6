/* The immortal heap: code that has learnt stops writing into itself.

   Specialized code goes on counting: down to the next attempt to specialize an
   instruction that could not be specialized, and the misses of one that could.
   In a forked process each such write un-shares a page.  At
   gc.immortalize_heap(), code becomes quiet, one instruction at a time:

   - an instruction that was tried and is not specialized stays as it is, and
     its counter stands still;
   - an instruction that was never reached, or not often enough to be tried,
     stays as it is, and will be specialized, with a write, when it is;
   - a specialized one stays.  Its misses are counted elsewhere, and after very
     many at one place it learns again;
   - what writes itself once, when it is first executed, is what it will be.

   Instructions that a tool of sys.monitoring or a tracer has its hands on are
   left alone, and so is what is compiled (ENTER_EXECUTOR).  When such a tool
   goes, the instructions learn again, as they always do. */

#include "Python.h"
#include "opcode.h"               // LOAD_CONST
#include "pycore_code.h"          // _PyCode_CODE()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_fork.h"
#include "pycore_interp.h"        // PyInterpreterState.jit
#include "pycore_opcode_metadata.h" // _PyOpcode_Caches
#include "pycore_pystate.h"       // _PyInterpreterState_GET()
#include "pycore_quiet.h"

/* So many misses at one place, of all that share a counter, set it going
   again.  Code that is not quiet tries again after 53. */
#define MISSES 1024
#define COUNTERS 1024

static uint16_t misses[COUNTERS];

void
_PyCode_QuietMiss(_Py_BackoffCounter *counter)
{
    uintptr_t at = (uintptr_t)counter / sizeof(*counter);
    uint16_t *n = &misses[(at ^ (at >> 10)) % COUNTERS];
    if (++*n >= MISSES) {
        *n = 0;
        *counter = adaptive_counter_bits(0, ADAPTIVE_COOLDOWN_BACKOFF);
    }
}

/* Does the cache of an instruction begin with a counter of attempts to
   specialize it? */
static int
has_counter(int general)
{
    switch (general) {
    case JUMP_BACKWARD:         /* the compiler's, if there is one */
    case POP_JUMP_IF_FALSE:     /* branches taken */
    case POP_JUMP_IF_TRUE:
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
        return 0;
    }
    return _PyOpcode_Caches[general] > 0;
}

/* An instruction begins with so few attempts behind it that it may not have
   met yet what it is for. */
static int
is_cold(_Py_BackoffCounter counter)
{
    return (counter.value_and_backoff & UNREACHABLE_BACKOFF) <=
        ADAPTIVE_WARMUP_BACKOFF;
}

/* What an instruction becomes that writes itself when it is first executed; or
   0.  RESUME, which does, too, stays: whether a line of a generator is
   reported depends on whether one was executed before. */
static int
settled_form(PyCodeObject *code, int opcode, int oparg)
{
    switch (opcode) {
    case LOAD_CONST:
    case LOAD_CONST_MORTAL:
        return _Py_IsImmortal(PyTuple_GET_ITEM(code->co_consts, oparg)) ?
            LOAD_CONST_IMMORTAL : LOAD_CONST_MORTAL;
    case JUMP_BACKWARD:
        return _PyInterpreterState_GET()->jit ? JUMP_BACKWARD_JIT :
                                                JUMP_BACKWARD_NO_JIT;
    default:
        return 0;
    }
}

/* Let the instructions of immortal code be quiet.  1 if any was not. */
static int
quiet_code(PyCodeObject *code)
{
    _Py_CODEUNIT *instructions = _PyCode_CODE(code);
    Py_ssize_t n = Py_SIZE(code);
    int result = 0, oparg = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        _Py_CODEUNIT *instr = &instructions[i];
        int opcode = instr->op.code;
        int general = _Py_GetBaseCodeUnit(code, (int)i).op.code;
        oparg = (oparg << 8) | instr->op.arg;
        i += _PyOpcode_Caches[general];
        if (opcode < MIN_INSTRUMENTED_OPCODE && opcode != ENTER_EXECUTOR) {
            int settled = settled_form(code, opcode, oparg);
            if (settled) {
                instr->op.code = settled;
                result |= opcode != settled;
            }
            else if (has_counter(general) &&
                     !_PyCode_IsQuietCounter(instr[1].counter) &&
                     (opcode != general || !is_cold(instr[1].counter)))
            {
                instr[1].counter = forge_backoff_counter(
                    opcode == general ? _PyCode_QUIET_GENERAL :
                                        _PyCode_QUIET_SPECIALIZED);
                result = 1;
            }
        }
        if (general != EXTENDED_ARG) {
            oparg = 0;
        }
    }
    return result;
}

void
_PyImmortalHeap_QuietOne(PyObject *op, struct _Py_seal_stats *stats)
{
    stats->quiet_code += quiet_code((PyCodeObject *)op);
}
