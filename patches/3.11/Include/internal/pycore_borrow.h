/* Instructions that count less: what Python/ceval_borrow.h needs.

   Borrowed operands: see there.

   Results stored into an operand that nobody else holds: the interpreter loop
   may give the one reference to an int or a float that is about to go away to
   the result instead.  No memory is freed and allocated again, and no count
   changes.  An operand of which another reference exists, an immortal one
   among them, has a count that is not 1 and is left alone.

   Several objects that are copied or dropped together: if all are immortal,
   as small ints, names and None often are, one jump tells. */

#ifndef Py_INTERNAL_BORROW_H
#define Py_INTERNAL_BORROW_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_code.h"          // _Py_OPCODE()
#include "pycore_long.h"          // _PyLong_SMALL_INTS
#include "opcode.h"               // STORE_FAST

/* Which operands a form borrows: a local variable, a constant, two local
   variables, a local variable and a constant. */
enum {
    BORROW_FAST,
    BORROW_CONST,
    BORROW_FAST_FAST,
    BORROW_FAST_CONST,
};

/* What a load becomes when the instruction after the operands is this one: a
   form that does it too, the load alone if there is none, 0 as long as that
   instruction is not specialised. */
extern const uint8_t _PyCode_BorrowForms[][256];

/* The instruction that becomes such a form, for the load at instructions[i];
   0 if the instruction after it has none.  instructions has n units, from i
   on as the compiler made them. */
extern int _PyCode_BorrowForm(const _Py_CODEUNIT *instructions, Py_ssize_t i,
                              Py_ssize_t n);

/* What an unpatched interpreter would have in place of opcode. */
extern int _PyCode_UnborrowedForm(int opcode);

/* Does the instruction begin by storing the top of the stack in local
   variable number index? */
static inline int
_PyCode_StoresLocal(_Py_CODEUNIT instruction, int index)
{
    int opcode = _Py_OPCODE(instruction);
    return _Py_OPARG(instruction) == index &&
           (opcode == STORE_FAST || opcode == STORE_FAST__LOAD_FAST ||
            opcode == STORE_FAST__STORE_FAST);
}

/* True if v, an exact int, has at most one digit. */
static inline int
_PyLong_HasOneDigit(PyObject *v)
{
    assert(PyLong_CheckExact(v));
    return (size_t)(Py_SIZE(v) + 1) <= 2;
}

/* The value of v, an exact int of at most one digit.  What the product of
   two of them fits in. */
static inline stwodigits
_PyLong_OneDigit(PyObject *v)
{
    assert(_PyLong_HasOneDigit(v));
    return Py_SIZE(v) * (stwodigits)((PyLongObject *)v)->ob_digit[0];
}

/* The small int for value, which is immortal, or NULL if there is none. */
static inline PyObject *
_PyLong_GetSmall(stwodigits value)
{
    twodigits i = (twodigits)(value + _PY_NSMALLNEGINTS);
    return i < _PY_NSMALLNEGINTS + _PY_NSMALLPOSINTS ?
           (PyObject *)&_PyLong_SMALL_INTS[i] : NULL;
}

/* Can value be stored in the digit of an int?  Not one that there is a
   small int for: these are never made a second time. */
static inline int
_PyLong_FitsReuse(stwodigits value)
{
    return (twodigits)(value + _PY_NSMALLNEGINTS) >=
               _PY_NSMALLNEGINTS + _PY_NSMALLPOSINTS &&
           (twodigits)(value + PyLong_MASK) <= 2 * (twodigits)PyLong_MASK;
}

/* May v, an exact int, take another value? */
static inline int
_PyLong_CanReuse(PyObject *v)
{
    return Py_REFCNT(v) == 1 && Py_SIZE(v) != 0 && _PyLong_HasOneDigit(v);
}

/* Make value, which fits, the value of v, which can be reused. */
static inline void
_PyLong_Reuse(PyObject *v, stwodigits value)
{
    assert(_PyLong_CanReuse(v) && _PyLong_FitsReuse(value));
    Py_SET_SIZE(v, value < 0 ? -1 : 1);
    ((PyLongObject *)v)->ob_digit[0] = (digit)(value < 0 ? -value : value);
}

/* Push n items, the last one first, with a reference to each.  Return the new
   top of the stack.

   They are pushed and asked in one turn: a & b is larger than neither a nor b,
   so if the tops of all counts together are those of an immortal, there is
   nothing to count.  They may be smaller than each, if extensions unaware of
   immortality have moved a count: then Py_INCREF() asks each. */
static inline PyObject **
_PyStack_PushItems(PyObject **stack_pointer, PyObject *const *items, int n)
{
    signed char tops = SCHAR_MAX;
    for (int i = n; i-- > 0;) {
        tops &= _Py_REFCNT_TOP(items[i]);
        *stack_pointer++ = items[i];
    }
    if (tops <= _Py_IMMORTAL_INCREF_TOP) {
        for (int i = 0; i < n; i++) {
            Py_INCREF(items[i]);
        }
    }
    return stack_pointer;
}

/* True only if Py_DECREF() leaves the counts of a and b alone.  Each may be
   NULL, which makes it false. */
static inline int
_PyImmortal_AreBoth(PyObject *a, PyObject *b)
{
    return a != NULL && b != NULL &&
           (_Py_REFCNT_TOP(a) & _Py_REFCNT_TOP(b)) > _Py_IMMORTAL_DECREF_TOP;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_BORROW_H */
