/* Which loads borrow what they load, and in which form.
   Python/ceval_borrow.h has the forms themselves.

   There is a form only where it saves counts in programs of any size.  Each
   is more code that the processor has to fetch, and more jumps to remember:
   forms for LOAD_METHOD, RETURN_VALUE, UNPACK_SEQUENCE and POP_JUMP_IF_* made
   small loops no faster and Django's pages slower (docs/tried.md). */

#include "Python.h"
#include "pycore_borrow.h"
#include "pycore_code_hooks.h"    // _PyCode_SettleHook
#include "pycore_opcode.h"        // _PyOpcode_Deopt

/* Forms by what they load, and by the instruction that they do as well. */
#define FORM(op) [op] = LOAD_FAST__##op
#define CONST_FORM(op) [op] = LOAD_CONST__##op
#define PAIR_FORM(op) [op] = LOAD_FAST__LOAD_FAST__##op
#define CONST_PAIR_FORM(op) [op] = LOAD_FAST__LOAD_CONST__##op

#define OPERATORS(FORM) \
    FORM(BINARY_OP_ADD_FLOAT), \
    FORM(BINARY_OP_ADD_INT), \
    FORM(BINARY_OP_MULTIPLY_FLOAT), \
    FORM(BINARY_OP_MULTIPLY_INT), \
    FORM(BINARY_OP_SUBTRACT_FLOAT), \
    FORM(BINARY_OP_SUBTRACT_INT), \
    FORM(BINARY_SUBSCR_LIST_INT), \
    FORM(BINARY_SUBSCR_TUPLE_INT), \
    FORM(COMPARE_OP_FLOAT_JUMP), \
    FORM(COMPARE_OP_INT_JUMP), \
    FORM(COMPARE_OP_STR_JUMP)

/* Specialised to something without a form, or never to be specialised again
   (immortal_quiet.c): the load alone, which does not look any more. */
#define OTHER_OPERATORS(load) \
    [BINARY_OP] = load, \
    [BINARY_OP_ADD_UNICODE] = load, \
    [BINARY_OP_INPLACE_ADD_UNICODE] = load, \
    [BINARY_SUBSCR] = load, \
    [BINARY_SUBSCR_DICT] = load, \
    [BINARY_SUBSCR_GETITEM] = load, \
    [COMPARE_OP] = load

#define OTHER_ATTRIBUTES(load) \
    [LOAD_ATTR] = load, \
    [LOAD_ATTR_MODULE] = load, \
    [STORE_ATTR] = load, \
    [STORE_ATTR_WITH_HINT] = load

const uint8_t _PyCode_BorrowForms[][256] = {
    [BORROW_FAST] = {
        OPERATORS(FORM),
        FORM(LOAD_ATTR_INSTANCE_VALUE),
        FORM(LOAD_ATTR_SLOT),
        FORM(LOAD_ATTR_WITH_HINT),
        FORM(STORE_ATTR_INSTANCE_VALUE),
        FORM(STORE_ATTR_SLOT),
        FORM(STORE_SUBSCR_LIST_INT),
        OTHER_OPERATORS(LOAD_FAST),
        OTHER_ATTRIBUTES(LOAD_FAST),
        [STORE_SUBSCR] = LOAD_FAST,
        [STORE_SUBSCR_DICT] = LOAD_FAST,
    },
    [BORROW_CONST] = {
        OPERATORS(CONST_FORM),
        OTHER_OPERATORS(LOAD_CONST),
    },
    [BORROW_FAST_FAST] = {
        OPERATORS(PAIR_FORM),
        PAIR_FORM(LOAD_ATTR_INSTANCE_VALUE),
        PAIR_FORM(LOAD_ATTR_SLOT),
        [LOAD_ATTR_WITH_HINT] = LOAD_FAST__LOAD_FAST,
        PAIR_FORM(STORE_ATTR_INSTANCE_VALUE),
        PAIR_FORM(STORE_ATTR_SLOT),
        OTHER_OPERATORS(LOAD_FAST__LOAD_FAST),
        OTHER_ATTRIBUTES(LOAD_FAST__LOAD_FAST),
    },
    [BORROW_FAST_CONST] = {
        OPERATORS(CONST_PAIR_FORM),
        OTHER_OPERATORS(LOAD_FAST__LOAD_CONST),
    },
};

static int
is_operator(int opcode)
{
    return opcode == BINARY_OP || opcode == BINARY_SUBSCR ||
           opcode == COMPARE_OP;
}

static int
opcode_at(const _Py_CODEUNIT *instructions, Py_ssize_t i, Py_ssize_t n)
{
    return i < n ? _Py_OPCODE(instructions[i]) : NOP;
}

static void
settle_load(_Py_CODEUNIT *load, int kind, const _Py_CODEUNIT *consumer)
{
    int form = _PyCode_BorrowForms[kind][_Py_OPCODE(*consumer)];
    if (form) {
        _Py_SET_OPCODE(*load, form);
    }
}

/* Loads among the n instructions that wait for the one after them to be
   specialised would see, and write, what that has become: let them be what
   they would be then, as far as it is known. */
static void
settle_loads(_Py_CODEUNIT *instructions, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        _Py_CODEUNIT *load = &instructions[i];
        int opcode = _Py_OPCODE(*load);
        switch (opcode) {
            case LOAD_FAST_ADAPTIVE:
                settle_load(load, BORROW_FAST, load + 1);
                break;
            case LOAD_CONST_ADAPTIVE:
                settle_load(load, BORROW_CONST, load + 1);
                break;
            case LOAD_FAST__LOAD_FAST_ADAPTIVE:
                settle_load(load, BORROW_FAST_FAST, load + 2);
                break;
            case LOAD_FAST__LOAD_CONST_ADAPTIVE:
                settle_load(load, BORROW_FAST_CONST, load + 2);
                break;
        }
        i += _PyOpcode_Caches[_PyOpcode_Deopt[opcode]];
    }
}

int
_PyCode_BorrowForm(const _Py_CODEUNIT *instructions, Py_ssize_t i,
                   Py_ssize_t n)
{
    if (_PyCode_SettleHook == NULL) {
        _PyCode_SettleHook = settle_loads;
    }
    int opcode = opcode_at(instructions, i, n);
    int second = opcode_at(instructions, i + 1, n);
    int third = opcode_at(instructions, i + 2, n);
    if (opcode == LOAD_CONST) {
        return is_operator(second) ? LOAD_CONST_ADAPTIVE : 0;
    }
    if (opcode != LOAD_FAST) {
        return 0;
    }
    switch (second) {
        case LOAD_CONST:
            return is_operator(third) ? LOAD_FAST__LOAD_CONST_ADAPTIVE : 0;
        case LOAD_FAST:
            return is_operator(third) || third == LOAD_ATTR ||
                   third == STORE_ATTR ? LOAD_FAST__LOAD_FAST_ADAPTIVE : 0;
        case LOAD_ATTR:
        case STORE_ATTR:
        case STORE_SUBSCR:
            return LOAD_FAST_ADAPTIVE;
        default:
            return is_operator(second) ? LOAD_FAST_ADAPTIVE : 0;
    }
}

static int
is_form(int opcode, int adaptive, const uint8_t forms[256])
{
    return opcode == adaptive ||
           (opcode > LOAD_FAST__LOAD_CONST_IMMORTAL &&
            memchr(forms, opcode, 256) != NULL);
}

int
_PyCode_UnborrowedForm(int opcode)
{
    if (is_form(opcode, LOAD_FAST__LOAD_FAST_ADAPTIVE,
                _PyCode_BorrowForms[BORROW_FAST_FAST])) {
        return LOAD_FAST__LOAD_FAST;
    }
    if (is_form(opcode, LOAD_FAST__LOAD_CONST_ADAPTIVE,
                _PyCode_BorrowForms[BORROW_FAST_CONST])) {
        return LOAD_FAST__LOAD_CONST;
    }
    if (is_form(opcode, LOAD_FAST_ADAPTIVE,
                _PyCode_BorrowForms[BORROW_FAST])) {
        return LOAD_FAST;
    }
    if (is_form(opcode, LOAD_CONST_ADAPTIVE,
                _PyCode_BorrowForms[BORROW_CONST])) {
        return LOAD_CONST;
    }
    return opcode;
}
