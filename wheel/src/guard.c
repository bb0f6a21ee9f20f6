/* The extension: which interpreters it works in.

   It reads and writes structures that no API describes.  They are the same
   within one release of CPython, unless that was configured or patched to be
   another; the interpreter carries a table of its own for debuggers, with
   where things are in them, and how large they are. */

#include "glue.h"
#include "pycore_debug_offsets.h" // _Py_DebugOffsets_INIT()
#include "pycore_gc.h"            // struct _gc_runtime_state
#include "pycore_genobject.h"
#include "pycore_interpframe.h"   // _PyInterpreterFrame
#include "pycore_llist.h"
#include "pycore_pylifecycle.h"   // _Py_IsInterpreterFinalizing()
#include "pycore_pymem.h"         // _PyMem_GetCurrentAllocatorName()
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()
#include "pycore_runtime.h"       // _PyRuntime
#include "pycore_unicodeobject.h"

#ifdef Py_DEBUG
#  error "the immortal heap is no extension of a debug build"
#endif

#define INSTEAD "; gc.freeze() works everywhere"

static const struct _Py_DebugOffsets expected =
    _Py_DebugOffsets_INIT(_Py_Debug_Cookie);

int
glue_check_build(void)
{
    const struct _Py_DebugOffsets *found = &_PyRuntime.debug_offsets;
    if (memcmp(found->cookie, expected.cookie, sizeof(expected.cookie)) != 0) {
        PyErr_SetString(PyExc_ImportError,
                        "immortal_heap found an interpreter that does not say "
                        "how it was built" INSTEAD);
        return -1;
    }
    if (found->version != expected.version) {
        PyErr_Format(PyExc_ImportError,
                     "immortal_heap was built for CPython %s (%x) and found "
                     "%x: build it there, from its source "
                     "(pip install immortal_heap-*.tar.gz)"
                     INSTEAD, PY_VERSION, PY_VERSION_HEX,
                     (unsigned int)found->version);
        return -1;
    }
    if (memcmp(found, &expected, sizeof(expected)) != 0) {
        PyErr_Format(PyExc_ImportError,
                     "immortal_heap found a CPython " PY_VERSION " whose "
                     "structures are not laid out as in the one that it was "
                     "built for (interpreter: %zd bytes, expected %zd; code: "
                     "%zd, expected %zd): build it there, from its "
                     "source (pip install immortal_heap-*.tar.gz)"
                     INSTEAD, (Py_ssize_t)found->interpreter_state.size,
                     (Py_ssize_t)expected.interpreter_state.size,
                     (Py_ssize_t)found->code_object.size,
                     (Py_ssize_t)expected.code_object.size);
        return -1;
    }
    return 0;
}

/* What Python code was compiled to by a second tier keeps its own copies of
   the instructions that count without looking. */
static int
check_compiler(PyInterpreterState *interp)
{
    if (interp->jit) {
        PyErr_SetString(PyExc_RuntimeError,
                        "immortal_heap does not work with the JIT compiler: "
                        "set PYTHON_JIT=0" INSTEAD);
        return -1;
    }
    return 0;
}

/* None other has the pools that are sealed.  Where tracemalloc runs, the name
   is not known. */
static int
check_allocator(void)
{
    const char *name = _PyMem_GetCurrentAllocatorName();
    if (name == NULL || strcmp(name, "pymalloc") != 0) {
        PyErr_Format(PyExc_RuntimeError,
                     "immortal_heap needs the allocator pymalloc and found "
                     "%s: unset PYTHONMALLOC, leave out -X dev, stop "
                     "tracemalloc before the call" INSTEAD,
                     name == NULL ? "tracemalloc, or another one's hooks"
                                  : name);
        return -1;
    }
    return 0;
}

int
glue_check_state(PyThreadState *tstate)
{
    PyInterpreterState *interp = tstate->interp;
    if (!_Py_IsMainInterpreter(interp)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "immortalize_heap() works in the main interpreter "
                        "only: call it there, before subinterpreters are "
                        "created");
        return -1;
    }
    if (_Py_IsInterpreterFinalizing(interp)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "immortalize_heap() was called while the interpreter "
                        "is finalizing");
        return -1;
    }
    if (interp->gc.collecting) {
        PyErr_SetString(PyExc_RuntimeError,
                        "immortalize_heap() was called during a collection, "
                        "by a finalizer or a callback of the collector's: "
                        "call it at another time");
        return -1;
    }
    if (check_compiler(interp) < 0) {
        return -1;
    }
    return check_allocator();
}
