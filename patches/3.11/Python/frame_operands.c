/* Frames: where the evaluation stack of one ends that the interpreter loop is
   running.

   The loop has that in a register.  But it is known at which instruction it
   is, and for each instruction the compiler has seen to it that the stack is
   as deep whichever way led to it.  That depth is found here as the compiler
   finds the greatest one, from what an instruction adds or takes away. */

#include "Python.h"
#include "pycore_code.h"          // _PyCode_CODE()
#include "pycore_frame.h"         // _PyInterpreterFrame_LASTI()
#include "pycore_immortal_port.h"
#include "pycore_opcode.h"        // _PyOpcode_Caches
#include "opcode.h"

struct analysis {
    const _Py_CODEUNIT *code;
    int n;                  /* code units */
    int *depths;            /* of the stack before each instruction, or -1 */
    int changed;
};

static void
set_depth(struct analysis *a, int i, int depth)
{
    if (i >= 0 && i < a->n && a->depths[i] < 0 && depth >= 0) {
        a->depths[i] = depth;
        a->changed = 1;
    }
}

/* What an instruction jumps to, or -1; next is the one behind it. */
static int
jump_target(int opcode, int oparg, int next)
{
    switch (opcode) {
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
    case POP_JUMP_BACKWARD_IF_FALSE:
    case POP_JUMP_BACKWARD_IF_NONE:
    case POP_JUMP_BACKWARD_IF_NOT_NONE:
    case POP_JUMP_BACKWARD_IF_TRUE:
        return next - oparg;
    case FOR_ITER:
    case JUMP_FORWARD:
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
    case POP_JUMP_FORWARD_IF_TRUE:
    case SEND:
        return next + oparg;
    }
    return -1;
}

static int
goes_on(int opcode)
{
    switch (opcode) {
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
    case JUMP_FORWARD:
    case RAISE_VARARGS:
    case RERAISE:
    case RETURN_VALUE:
        return 0;
    }
    return 1;
}

static void
add_effect(struct analysis *a, int i, int opcode, int oparg, int jump, int to)
{
    int effect = PyCompile_OpcodeStackEffectWithJump(opcode, oparg, jump);
    if (effect != PY_INVALID_STACK_EFFECT) {
        set_depth(a, to, a->depths[i] + effect);
    }
}

/* Go through the code once.  Returns the argument of the instruction at
   wanted, or 0. */
static int
scan(struct analysis *a, int wanted)
{
    int oparg = 0, found = 0, next;
    a->changed = 0;
    for (int i = 0; i < a->n; i = next) {
        int opcode = _PyOpcode_Deopt[_Py_OPCODE(a->code[i])];
        oparg = oparg << 8 | _Py_OPARG(a->code[i]);
        next = i + 1 + _PyOpcode_Caches[opcode];
        if (i == wanted) {
            found = oparg;
        }
        if (a->depths[i] >= 0) {
            int target = jump_target(opcode, oparg, next);
            if (target >= 0) {
                add_effect(a, i, opcode, oparg, 1, target);
            }
            if (goes_on(opcode)) {
                add_effect(a, i, opcode, oparg, 0, next);
            }
        }
        if (opcode != EXTENDED_ARG) {
            oparg = 0;
        }
    }
    return found;
}

/* A number of the exception table: six bits in a byte, the highest first; 0x40
   says that there are more. */
static int
next_number(const unsigned char **p)
{
    int number = **p & 0x3f;
    while (*(*p)++ & 0x40) {
        number = number << 6 | (**p & 0x3f);
    }
    return number;
}

/* A handler finds the stack cut off, and an exception on it; below that
   perhaps the instruction that raised it. */
static void
add_handlers(struct analysis *a, PyObject *table)
{
    const unsigned char *p = (unsigned char *)PyBytes_AS_STRING(table);
    const unsigned char *end = p + PyBytes_GET_SIZE(table);
    while (p < end) {
        (void)next_number(&p);      /* where it is in force */
        (void)next_number(&p);
        int target = next_number(&p);
        int depth = next_number(&p);
        set_depth(a, target, (depth >> 1) + (depth & 1) + 1);
    }
}

/* How deep the stack is at the instruction at i; -1 if that is not known, or
   for lack of memory. */
static int
depth_at(PyCodeObject *co, int i)
{
    struct analysis a = {.code = _PyCode_CODE(co), .n = (int)Py_SIZE(co)};
    const int generator = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;
    int oparg;
    if (i < 0 || i >= a.n ||
        (a.depths = PyMem_RawMalloc(a.n * sizeof(*a.depths))) == NULL)
    {
        return -1;
    }
    for (int j = 0; j < a.n; j++) {
        a.depths[j] = -1;
    }
    /* A generator is sent None to begin with. */
    set_depth(&a, 0, (co->co_flags & generator) != 0);
    add_handlers(&a, co->co_exceptiontable);
    do {
        oparg = scan(&a, i);
    } while (a.changed);
    int depth = a.depths[i];
    /* PRECALL counts as what takes the arguments away.  It leaves them. */
    if (depth >= 0 && _PyOpcode_Deopt[_Py_OPCODE(a.code[i])] == CALL) {
        depth += oparg;
    }
    PyMem_RawFree(a.depths);
    return depth;
}

int
_PyFrame_OperandsEnd(_PyInterpreterFrame *frame)
{
    if (frame->stacktop >= 0) {
        return frame->stacktop;
    }
    PyCodeObject *co = frame->f_code;
    int depth = depth_at(co, _PyInterpreterFrame_LASTI(frame));
    return co->co_nlocalsplus + Py_MAX(0, Py_MIN(depth, co->co_stacksize));
}
