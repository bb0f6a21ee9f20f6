/* PRECALL_PYFUNC and CALL_PY_EXACT_ARGS in one step.

   Both look at the callable, and between them and the first instruction of
   the function's body that does something there are three dispatches.  After
   PRECALL_PYFUNC has found a function, this goes on with the call itself if
   that is specialised for this function, and over the callee's RESUME if
   nothing waits for the eval breaker.  Otherwise CALL decides as ever.

   This file is part of _PyEval_EvalFrameDefault() in Python/ceval.c and uses
   its macros and variables: nargs, the number of arguments with self, and
   function. */

    {
        _PyCallCache *cache = (_PyCallCache *)(next_instr + 1);
        PyFunctionObject *func = (PyFunctionObject *)function;
        if (_Py_OPCODE(*next_instr) == CALL_PY_EXACT_ARGS &&
            func->func_version == read_u32(cache->func_version) &&
            ((PyCodeObject *)func->func_code)->co_argcount == nargs &&
            tstate->interp->eval_frame == NULL &&
            call_shape.kwnames == NULL)
        {
            INSTRUCTION_START(CALL_PY_EXACT_ARGS);
            STAT_INC(CALL, hit);
            PyCodeObject *code = (PyCodeObject *)func->func_code;
            CALL_STAT_INC(frames_pushed);
            _PyInterpreterFrame *new_frame = _PyThreadState_BumpFramePointer(
                tstate, code->co_nlocalsplus + code->co_stacksize +
                        FRAME_SPECIALS_SIZE);
            if (new_frame == NULL) {
                goto error;     // The stack still owns the function.
            }
            _PyFrame_InitializeSpecials(new_frame, func, NULL,
                                        code->co_nlocalsplus);
            CALL_STAT_INC(inlined_py_calls);
            STACK_SHRINK(nargs);
            for (int i = 0; i < nargs; i++) {
                new_frame->localsplus[i] = stack_pointer[i];
            }
            for (int i = nargs; i < code->co_nlocalsplus; i++) {
                new_frame->localsplus[i] = NULL;
            }
            // The function, and the NULL below it unless it is a method.
            STACK_SHRINK(2 - (nargs - oparg));
            _PyFrame_SetStackPointer(frame, stack_pointer);
            JUMPBY(INLINE_CACHE_ENTRIES_CALL);
            frame->prev_instr = next_instr - 1;
            new_frame->previous = frame;
            frame = cframe.current_frame = new_frame;
            if (_Py_OPCODE(*_PyCode_CODE(code)) == RESUME_QUICK &&
                !_Py_atomic_load_relaxed_int32(eval_breaker))
            {
                frame->prev_instr++;
            }
            goto start_frame;
        }
    }
