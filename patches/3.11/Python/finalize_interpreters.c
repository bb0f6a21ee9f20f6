/* Finalization at shutdown: subinterpreters that are still alive.

   They are ended before the main interpreter is, with all that this means for
   their objects.  An unpatched interpreter leaves it to the objects that stand
   for them (_xxsubinterpreters.InterpreterID), of which the last one ends its
   interpreter when it is deallocated; immortal ones never are. */

#include "Python.h"
#include "pycore_finalize.h"
#include "pycore_immortal_port.h" // _PyPort_Frame()
#include "pycore_interp.h"
#include "pycore_pystate.h"

/* Subinterpreters in which a thread runs code: they cannot be ended. */
static Py_ssize_t left = 0;

int
_PyFinalize_InterpretersAreLeft(void)
{
    return left > 0;
}

/* Can interp be ended?  Its thread state, which may have to be made, or
   NULL. */
static PyThreadState *
idle_thread(PyInterpreterState *interp)
{
    PyThreadState *tstate = PyInterpreterState_ThreadHead(interp);
    if (interp->finalizing) {
        return NULL;
    }
    if (tstate == NULL) {
        return PyThreadState_New(interp);
    }
    return PyThreadState_Next(tstate) == NULL &&
        _PyPort_Frame(tstate) == NULL ? tstate : NULL;
}

void
_PyFinalize_EndInterpreters(PyThreadState *tstate)
{
    if (!_Py_IsMainInterpreter(tstate->interp)) {
        return;     /* an embedding application leaves the others alone */
    }
    /* From the head of the list again after each: to end one runs code, which
       may create or end others. */
    for (;;) {
        PyThreadState *other = NULL;
        left = 0;
        PyInterpreterState *interp = PyInterpreterState_Head();
        for (; interp != NULL; interp = PyInterpreterState_Next(interp)) {
            if (interp != tstate->interp) {
                other = idle_thread(interp);
                if (other != NULL) {
                    break;
                }
                left++;
            }
        }
        if (other == NULL) {
            return;
        }
        PyThreadState_Swap(other);
        Py_EndInterpreter(other);
        PyThreadState_Swap(tstate);
    }
}
