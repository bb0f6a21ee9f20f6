/* The extension: functions that the shared files call, and that the
   interpreter does not export.  As short as the case at hand allows. */

#define NEED_OPCODE_METADATA      // _PyOpcode_Caches, _PyOpcode_Deopt
#include "Python.h"
#include "opcode.h"
#include "pycore_opcode_metadata.h"
#include "pycore_code.h"          // _PyCode_CODE()
#include "pycore_dict.h"
#include "pycore_function.h"
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_interp.h"
#include "pycore_moduleobject.h"
#include "pycore_object.h"        // _PyModule_ClearDict()
#include "pycore_pystate.h"
#include "pycore_typeobject.h"    // managed_static_type_state

const PyConfig *
_PyInterpreterState_GetConfig(PyInterpreterState *interp)
{
    return &interp->config;
}

void
_PyThreadState_SetShuttingDown(PyThreadState *tstate)
{
    _Py_atomic_store_int(&tstate->state, _Py_THREAD_SHUTTING_DOWN);
}

uint32_t
_PyDictKeys_GetVersionForCurrentState(PyInterpreterState *interp,
                                      PyDictKeysObject *keys)
{
    /* 0 after the last one there is. */
    if (keys->dk_version == 0 && interp->dict_state.next_keys_version != 0) {
        keys->dk_version = interp->dict_state.next_keys_version++;
    }
    return keys->dk_version;
}

uint32_t
_PyFunction_GetVersionForCurrentState(PyFunctionObject *func)
{
    return func->func_version;
}

managed_static_type_state *
_PyStaticType_GetState(PyInterpreterState *interp, PyTypeObject *type)
{
    /* A place counts from 1, and is in one of two arrays. */
    size_t i = (size_t)type->tp_subclasses - 1;
    managed_static_type_state *state = &interp->types.builtins.initialized[i];
    if (state->type == type || i > _Py_MAX_MANAGED_STATIC_EXT_TYPES) {
        return state;
    }
    return &interp->types.for_extensions.initialized[i];
}

/* What an instruction is that a tool has hold of: by the names of both. */
static int
without_tool(int opcode)
{
    static const char prefix[] = "INSTRUMENTED_";
    const char *name = _PyOpcode_OpName[opcode];
    if (name == NULL || strncmp(name, prefix, strlen(prefix)) != 0) {
        return _PyOpcode_Deopt[opcode];
    }
    for (int i = 0; i < MIN_INSTRUMENTED_OPCODE; i++) {
        if (_PyOpcode_OpName[i] != NULL && _PyOpcode_Deopt[i] == i &&
            strcmp(_PyOpcode_OpName[i], name + strlen(prefix)) == 0)
        {
            return i;
        }
    }
    return opcode;
}

_Py_CODEUNIT
_Py_GetBaseCodeUnit(PyCodeObject *code, int i)
{
    _Py_CODEUNIT unit = _PyCode_CODE(code)[i];
    int opcode = unit.op.code;
    if (opcode == INSTRUMENTED_LINE) {
        _PyCoLineInstrumentationData *lines = code->_co_monitoring->lines;
        opcode = lines->data[i * lines->bytes_per_entry];
    }
    if (opcode == INSTRUMENTED_INSTRUCTION) {
        opcode = code->_co_monitoring->per_instruction_opcodes[i];
    }
    unit.op.code = opcode < MIN_INSTRUMENTED_OPCODE ? _PyOpcode_Deopt[opcode]
                                                    : without_tool(opcode);
    return unit;
}

/* Let go of the globals that dict has: those that begin with one underscore
   first, but not of what is immortal, which that would not free. */
void
_PyModule_ClearDict(PyObject *dict)
{
    PyObject *key, *value;
    for (int underscore = 1; underscore >= 0; underscore--) {
        Py_ssize_t pos = 0;
        while (PyDict_Next(dict, &pos, &key, &value)) {
            if (_Py_IsImmortal(value) || !PyUnicode_Check(key)) {
                continue;
            }
            Py_ssize_t n = PyUnicode_GET_LENGTH(key);
            int private = n > 0 && PyUnicode_READ_CHAR(key, 0) == '_' &&
                !(n > 1 && PyUnicode_READ_CHAR(key, 1) == '_');
            if ((underscore && !private) ||
                PyUnicode_CompareWithASCIIString(key, "__builtins__") == 0)
            {
                continue;
            }
            if (PyDict_SetItem(dict, key, Py_None) < 0) {
                PyErr_FormatUnraisable("Exception ignored while clearing "
                                       "module dict");
            }
        }
    }
}
