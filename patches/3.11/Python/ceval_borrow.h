/* Instructions that borrow the local variables and constants they work on.

   LOAD_FAST takes a reference for the evaluation stack, and the instruction
   that follows usually gives it back.  The superinstructions here load and do
   that instruction too, with the reference that the local variable or the
   code's constants have: nothing is counted, nothing passes through the
   stack, and there is one dispatch less.  A result may take the place of an
   operand that nobody else holds (pycore_borrow.h).

   LOAD_FAST_ADAPTIVE and its like become such a form once the instruction
   after them is specialised to something that has one.  A form first looks
   whether that instruction is still what it was made for; if it is not, the
   form goes back.  If what the instruction expects of its operands does not
   hold, the form only loads: the instruction then counts its own miss.

   What is done with a borrowed reference runs no code that could rebind a
   local variable, up to the point where the reference is needed no more.

   This file is part of _PyEval_EvalFrameDefault() in Python/ceval.c and uses
   its macros and variables.  Python/borrow.c chooses the forms. */

/* After a load of one operand: begin the instruction that follows.  It is
   the current one from here on, for line numbers and exception tables. */
#define BORROW_START(op) \
    do { \
        oparg = _Py_OPARG(*next_instr); \
        INSTRUCTION_START(op); \
    } while (0)

/* The operands.  A constant, a local variable, two of these: declare right,
   and left and index, the number of its variable. */

#define BORROW_ONE_CONST(op) \
    if (_Py_OPCODE(*next_instr) != op) { \
        goto unfuse_const; \
    } \
    PyObject *right = GETITEM(consts, oparg)

#define BORROW_LOCAL(op) \
    PyObject *right = GETLOCAL(oparg); \
    if (right == NULL || _Py_OPCODE(*next_instr) != op) { \
        goto unfuse_local; \
    }

#define BORROW_LOCALS(op) \
    int index = oparg; \
    PyObject *left = GETLOCAL(index); \
    PyObject *right = GETLOCAL(_Py_OPARG(*next_instr)); \
    if (left == NULL || right == NULL || _Py_OPCODE(next_instr[1]) != op) { \
        goto unfuse_locals; \
    } \
    (void)index

#define BORROW_LOCAL_CONST(op) \
    int index = oparg; \
    PyObject *left = GETLOCAL(index); \
    if (left == NULL || _Py_OPCODE(next_instr[1]) != op) { \
        goto unfuse_local_const; \
    } \
    PyObject *right = GETITEM(consts, _Py_OPARG(*next_instr)); \
    (void)index

/* With the result of a comparison, -1, 0 or 1, do the jump that follows. */
#define BORROW_JUMP(left, right) \
    do { \
        int sign = ((left) > (right)) - ((left) < (right)); \
        int when_to_jump_mask = ((_PyCompareOpCache *)next_instr)->mask; \
        STAT_INC(COMPARE_OP, hit); \
        JUMPBY(INLINE_CACHE_ENTRIES_COMPARE_OP); \
        NEXTOPARG(); \
        int jump = (9 << (sign + 1)) & when_to_jump_mask; \
        if (!jump) { \
            next_instr++; \
        } \
        else if (jump >= 8) { \
            JUMPBY(1 - oparg); \
            CHECK_EVAL_BREAKER(); \
        } \
        else { \
            JUMPBY(1 + oparg); \
        } \
        DISPATCH(); \
    } while (0)

/* Do only the first load if cond holds. */
#define ONLY_LOAD_IF(KIND, cond) \
    if (cond) { \
        goto only_##KIND; \
    }

#define BOTH_INTS(KIND) \
    ONLY_LOAD_IF(KIND, !PyLong_CheckExact(left)) \
    ONLY_LOAD_IF(KIND, !PyLong_CheckExact(right))

#define BOTH_FLOATS(KIND) \
    ONLY_LOAD_IF(KIND, !PyFloat_CheckExact(left)) \
    ONLY_LOAD_IF(KIND, !PyFloat_CheckExact(right))

/* Both operands on the stack, with references; value is the result, for
   which one of them may be used again. */

#define REUSE_FLOAT(value) \
    if (Py_REFCNT(left) == 1) { \
        ((PyFloatObject *)left)->ob_fval = (value); \
        STACK_SHRINK(1); \
        _Py_DECREF_SPECIALIZED(right, _PyFloat_ExactDealloc); \
        JUMPBY(INLINE_CACHE_ENTRIES_BINARY_OP); \
        DISPATCH(); \
    } \
    if (Py_REFCNT(right) == 1) { \
        ((PyFloatObject *)right)->ob_fval = (value); \
        SET_SECOND(right); \
        STACK_SHRINK(1); \
        _Py_DECREF_NO_DEALLOC(left); \
        JUMPBY(INLINE_CACHE_ENTRIES_BINARY_OP); \
        DISPATCH(); \
    }

#define REUSE_INT(OP) \
    if (_PyLong_HasOneDigit(left) && _PyLong_HasOneDigit(right)) { \
        stwodigits value = \
            _PyLong_OneDigit(left) OP _PyLong_OneDigit(right); \
        if (_PyLong_CanReuse(left) && _PyLong_FitsReuse(value)) { \
            _PyLong_Reuse(left, value); \
            STACK_SHRINK(1); \
            _Py_DECREF_SPECIALIZED(right, (destructor)PyObject_Free); \
            JUMPBY(INLINE_CACHE_ENTRIES_BINARY_OP); \
            DISPATCH(); \
        } \
    }

/* One operand borrowed, right; left is on the stack, with a reference. */

#define RIGHT_INT(KIND, BORROW, NAME, FUNC, OP) \
    TARGET(LOAD_##KIND##__BINARY_OP_##NAME##_INT) { \
        BORROW(BINARY_OP_##NAME##_INT); \
        PyObject *left = TOP(); \
        BOTH_INTS(KIND); \
        BORROW_START(BINARY_OP_##NAME##_INT); \
        STAT_INC(BINARY_OP, hit); \
        PyObject *res = NULL; \
        if (_PyLong_HasOneDigit(left) && _PyLong_HasOneDigit(right)) { \
            stwodigits value = \
                _PyLong_OneDigit(left) OP _PyLong_OneDigit(right); \
            if (_PyLong_CanReuse(left) && _PyLong_FitsReuse(value)) { \
                _PyLong_Reuse(left, value); \
                JUMPBY(INLINE_CACHE_ENTRIES_BINARY_OP); \
                DISPATCH(); \
            } \
            res = _PyLong_GetSmall(value); \
        } \
        if (res == NULL) { \
            res = FUNC((PyLongObject *)left, (PyLongObject *)right); \
        } \
        SET_TOP(res); \
        _Py_DECREF_SPECIALIZED(left, (destructor)PyObject_Free); \
        if (res == NULL) { \
            goto error; \
        } \
        JUMPBY(INLINE_CACHE_ENTRIES_BINARY_OP); \
        DISPATCH(); \
    }

#define RIGHT_FLOAT(KIND, BORROW, NAME, OP) \
    TARGET(LOAD_##KIND##__BINARY_OP_##NAME##_FLOAT) { \
        BORROW(BINARY_OP_##NAME##_FLOAT); \
        PyObject *left = TOP(); \
        BOTH_FLOATS(KIND); \
        BORROW_START(BINARY_OP_##NAME##_FLOAT); \
        STAT_INC(BINARY_OP, hit); \
        double value = PyFloat_AS_DOUBLE(left) OP PyFloat_AS_DOUBLE(right); \
        if (Py_REFCNT(left) == 1) { \
            ((PyFloatObject *)left)->ob_fval = value; \
        } \
        else { \
            PyObject *res = PyFloat_FromDouble(value); \
            SET_TOP(res); \
            Py_DECREF(left); \
            if (res == NULL) { \
                goto error; \
            } \
        } \
        JUMPBY(INLINE_CACHE_ENTRIES_BINARY_OP); \
        DISPATCH(); \
    }

#define RIGHT_SUBSCR(KIND, BORROW, NAME, PREFIX) \
    TARGET(LOAD_##KIND##__BINARY_SUBSCR_##NAME##_INT) { \
        BORROW(BINARY_SUBSCR_##NAME##_INT); \
        PyObject *container = TOP(); \
        ONLY_LOAD_IF(KIND, !PyLong_CheckExact(right)); \
        ONLY_LOAD_IF(KIND, !PREFIX##_CheckExact(container)); \
        ONLY_LOAD_IF(KIND, (size_t)Py_SIZE(right) > 1); \
        Py_ssize_t item = ((PyLongObject *)right)->ob_digit[0]; \
        ONLY_LOAD_IF(KIND, item >= PREFIX##_GET_SIZE(container)); \
        BORROW_START(BINARY_SUBSCR_##NAME##_INT); \
        STAT_INC(BINARY_SUBSCR, hit); \
        PyObject *res = PREFIX##_GET_ITEM(container, item); \
        Py_INCREF(res); \
        SET_TOP(res); \
        Py_DECREF(container); \
        JUMPBY(INLINE_CACHE_ENTRIES_BINARY_SUBSCR); \
        DISPATCH(); \
    }

#define RIGHT_COMPARE_INT(KIND, BORROW) \
    TARGET(LOAD_##KIND##__COMPARE_OP_INT_JUMP) { \
        BORROW(COMPARE_OP_INT_JUMP); \
        PyObject *left = TOP(); \
        BOTH_INTS(KIND); \
        ONLY_LOAD_IF(KIND, !_PyLong_HasOneDigit(left)); \
        ONLY_LOAD_IF(KIND, !_PyLong_HasOneDigit(right)); \
        BORROW_START(COMPARE_OP_INT_JUMP); \
        stwodigits ileft = _PyLong_OneDigit(left); \
        stwodigits iright = _PyLong_OneDigit(right); \
        STACK_SHRINK(1); \
        _Py_DECREF_SPECIALIZED(left, (destructor)PyObject_Free); \
        BORROW_JUMP(ileft, iright); \
    }

#define RIGHT_COMPARE_FLOAT(KIND, BORROW) \
    TARGET(LOAD_##KIND##__COMPARE_OP_FLOAT_JUMP) { \
        BORROW(COMPARE_OP_FLOAT_JUMP); \
        PyObject *left = TOP(); \
        BOTH_FLOATS(KIND); \
        double dleft = PyFloat_AS_DOUBLE(left); \
        double dright = PyFloat_AS_DOUBLE(right); \
        ONLY_LOAD_IF(KIND, isnan(dleft) || isnan(dright)); \
        BORROW_START(COMPARE_OP_FLOAT_JUMP); \
        STACK_SHRINK(1); \
        _Py_DECREF_SPECIALIZED(left, _PyFloat_ExactDealloc); \
        BORROW_JUMP(dleft, dright); \
    }

#define RIGHT_COMPARE_STR(KIND, BORROW) \
    TARGET(LOAD_##KIND##__COMPARE_OP_STR_JUMP) { \
        BORROW(COMPARE_OP_STR_JUMP); \
        PyObject *left = TOP(); \
        ONLY_LOAD_IF(KIND, !PyUnicode_CheckExact(left)); \
        ONLY_LOAD_IF(KIND, !PyUnicode_CheckExact(right)); \
        BORROW_START(COMPARE_OP_STR_JUMP); \
        int equal = _PyUnicode_Equal(left, right); \
        if (equal < 0) { \
            goto error; \
        } \
        STACK_SHRINK(1); \
        _Py_DECREF_SPECIALIZED(left, _PyUnicode_ExactDealloc); \
        BORROW_JUMP(1, equal); \
    }

        RIGHT_INT(FAST, BORROW_LOCAL, ADD, _PyLong_Add, +)
        RIGHT_INT(FAST, BORROW_LOCAL, SUBTRACT, _PyLong_Subtract, -)
        RIGHT_INT(FAST, BORROW_LOCAL, MULTIPLY, _PyLong_Multiply, *)
        RIGHT_FLOAT(FAST, BORROW_LOCAL, ADD, +)
        RIGHT_FLOAT(FAST, BORROW_LOCAL, SUBTRACT, -)
        RIGHT_FLOAT(FAST, BORROW_LOCAL, MULTIPLY, *)
        RIGHT_SUBSCR(FAST, BORROW_LOCAL, LIST, PyList)
        RIGHT_SUBSCR(FAST, BORROW_LOCAL, TUPLE, PyTuple)
        RIGHT_COMPARE_INT(FAST, BORROW_LOCAL)
        RIGHT_COMPARE_FLOAT(FAST, BORROW_LOCAL)
        RIGHT_COMPARE_STR(FAST, BORROW_LOCAL)

        RIGHT_INT(CONST, BORROW_ONE_CONST, ADD, _PyLong_Add, +)
        RIGHT_INT(CONST, BORROW_ONE_CONST, SUBTRACT, _PyLong_Subtract, -)
        RIGHT_INT(CONST, BORROW_ONE_CONST, MULTIPLY, _PyLong_Multiply, *)
        RIGHT_FLOAT(CONST, BORROW_ONE_CONST, ADD, +)
        RIGHT_FLOAT(CONST, BORROW_ONE_CONST, SUBTRACT, -)
        RIGHT_FLOAT(CONST, BORROW_ONE_CONST, MULTIPLY, *)
        RIGHT_SUBSCR(CONST, BORROW_ONE_CONST, LIST, PyList)
        RIGHT_SUBSCR(CONST, BORROW_ONE_CONST, TUPLE, PyTuple)
        RIGHT_COMPARE_INT(CONST, BORROW_ONE_CONST)
        RIGHT_COMPARE_FLOAT(CONST, BORROW_ONE_CONST)
        RIGHT_COMPARE_STR(CONST, BORROW_ONE_CONST)

/* Both operands borrowed: left, local variable number index, and right.  When
   the result is to be stored in that variable next, its reference moves to
   the stack, with the operand that becomes the result. */

#define PAIR_START(op) \
    next_instr++; \
    BORROW_START(op)

#define BOTH_INT(KIND, BORROW, NAME, FUNC, OP) \
    TARGET(LOAD_FAST__LOAD_##KIND##__BINARY_OP_##NAME##_INT) { \
        BORROW(BINARY_OP_##NAME##_INT); \
        BOTH_INTS(FAST); \
        PAIR_START(BINARY_OP_##NAME##_INT); \
        STAT_INC(BINARY_OP, hit); \
        JUMPBY(INLINE_CACHE_ENTRIES_BINARY_OP); \
        PyObject *res = NULL; \
        if (_PyLong_HasOneDigit(left) && _PyLong_HasOneDigit(right)) { \
            stwodigits value = \
                _PyLong_OneDigit(left) OP _PyLong_OneDigit(right); \
            res = _PyLong_GetSmall(value); \
            if (res == NULL && _PyLong_CanReuse(left) && \
                _PyLong_FitsReuse(value) && \
                _PyCode_StoresLocal(*next_instr, index)) \
            { \
                _PyLong_Reuse(left, value); \
                GETLOCAL(index) = NULL; \
                res = left; \
            } \
        } \
        if (res == NULL) { \
            res = FUNC((PyLongObject *)left, (PyLongObject *)right); \
            if (res == NULL) { \
                goto error; \
            } \
        } \
        PUSH(res); \
        DISPATCH(); \
    }

#define BOTH_FLOAT(KIND, BORROW, NAME, OP) \
    TARGET(LOAD_FAST__LOAD_##KIND##__BINARY_OP_##NAME##_FLOAT) { \
        BORROW(BINARY_OP_##NAME##_FLOAT); \
        BOTH_FLOATS(FAST); \
        PAIR_START(BINARY_OP_##NAME##_FLOAT); \
        STAT_INC(BINARY_OP, hit); \
        JUMPBY(INLINE_CACHE_ENTRIES_BINARY_OP); \
        double value = PyFloat_AS_DOUBLE(left) OP PyFloat_AS_DOUBLE(right); \
        PyObject *res; \
        if (Py_REFCNT(left) == 1 && \
            _PyCode_StoresLocal(*next_instr, index)) \
        { \
            ((PyFloatObject *)left)->ob_fval = value; \
            GETLOCAL(index) = NULL; \
            res = left; \
        } \
        else { \
            res = PyFloat_FromDouble(value); \
            if (res == NULL) { \
                goto error; \
            } \
        } \
        PUSH(res); \
        DISPATCH(); \
    }

#define BOTH_SUBSCR(KIND, BORROW, NAME, PREFIX) \
    TARGET(LOAD_FAST__LOAD_##KIND##__BINARY_SUBSCR_##NAME##_INT) { \
        BORROW(BINARY_SUBSCR_##NAME##_INT); \
        ONLY_LOAD_IF(FAST, !PyLong_CheckExact(right)); \
        ONLY_LOAD_IF(FAST, !PREFIX##_CheckExact(left)); \
        ONLY_LOAD_IF(FAST, (size_t)Py_SIZE(right) > 1); \
        Py_ssize_t item = ((PyLongObject *)right)->ob_digit[0]; \
        ONLY_LOAD_IF(FAST, item >= PREFIX##_GET_SIZE(left)); \
        PAIR_START(BINARY_SUBSCR_##NAME##_INT); \
        STAT_INC(BINARY_SUBSCR, hit); \
        PyObject *res = PREFIX##_GET_ITEM(left, item); \
        Py_INCREF(res); \
        PUSH(res); \
        JUMPBY(INLINE_CACHE_ENTRIES_BINARY_SUBSCR); \
        DISPATCH(); \
    }

#define BOTH_COMPARE(KIND, BORROW) \
    TARGET(LOAD_FAST__LOAD_##KIND##__COMPARE_OP_INT_JUMP) { \
        BORROW(COMPARE_OP_INT_JUMP); \
        BOTH_INTS(FAST); \
        ONLY_LOAD_IF(FAST, !_PyLong_HasOneDigit(left)); \
        ONLY_LOAD_IF(FAST, !_PyLong_HasOneDigit(right)); \
        PAIR_START(COMPARE_OP_INT_JUMP); \
        BORROW_JUMP(_PyLong_OneDigit(left), _PyLong_OneDigit(right)); \
    } \
    TARGET(LOAD_FAST__LOAD_##KIND##__COMPARE_OP_FLOAT_JUMP) { \
        BORROW(COMPARE_OP_FLOAT_JUMP); \
        BOTH_FLOATS(FAST); \
        double dleft = PyFloat_AS_DOUBLE(left); \
        double dright = PyFloat_AS_DOUBLE(right); \
        ONLY_LOAD_IF(FAST, isnan(dleft) || isnan(dright)); \
        PAIR_START(COMPARE_OP_FLOAT_JUMP); \
        BORROW_JUMP(dleft, dright); \
    } \
    TARGET(LOAD_FAST__LOAD_##KIND##__COMPARE_OP_STR_JUMP) { \
        BORROW(COMPARE_OP_STR_JUMP); \
        ONLY_LOAD_IF(FAST, !PyUnicode_CheckExact(left)); \
        ONLY_LOAD_IF(FAST, !PyUnicode_CheckExact(right)); \
        PAIR_START(COMPARE_OP_STR_JUMP); \
        int equal = _PyUnicode_Equal(left, right); \
        if (equal < 0) { \
            goto error; \
        } \
        BORROW_JUMP(1, equal); \
    }

#define BOTH(KIND, BORROW) \
    BOTH_INT(KIND, BORROW, ADD, _PyLong_Add, +) \
    BOTH_INT(KIND, BORROW, SUBTRACT, _PyLong_Subtract, -) \
    BOTH_INT(KIND, BORROW, MULTIPLY, _PyLong_Multiply, *) \
    BOTH_FLOAT(KIND, BORROW, ADD, +) \
    BOTH_FLOAT(KIND, BORROW, SUBTRACT, -) \
    BOTH_FLOAT(KIND, BORROW, MULTIPLY, *) \
    BOTH_SUBSCR(KIND, BORROW, LIST, PyList) \
    BOTH_SUBSCR(KIND, BORROW, TUPLE, PyTuple) \
    BOTH_COMPARE(KIND, BORROW)

        BOTH(FAST, BORROW_LOCALS)
        BOTH(CONST, BORROW_LOCAL_CONST)
