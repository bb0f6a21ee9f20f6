/* Walks over what an interpreter and its threads hold. */

#ifndef Py_INTERNAL_INTERP_WALKS_H
#define Py_INTERNAL_INTERP_WALKS_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_immortal_port.h" // _PyPort_VisitInterpreter()
#include "pycore_interp.h"

/* Call visit(op, arg) for what interp holds until interpreter_clear() lets go
   of it, long after modules were cleared: hooks, and what threads have for
   themselves.  op may be NULL. */
static inline void
_PyInterpWalk_Last(PyInterpreterState *interp, _PyPort_visitor visit,
                   void *arg)
{
    visit(interp->audit_hooks, arg);
    _PyPort_VisitInterpreter(interp, visit, arg);
    PyThreadState *ts = PyInterpreterState_ThreadHead(interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        visit(ts->dict, arg);
        visit(ts->context, arg);
        visit(ts->c_profileobj, arg);
        visit(ts->c_traceobj, arg);
        visit(ts->async_gen_firstiter, arg);
        visit(ts->async_gen_finalizer, arg);
    }
}

/* The same for all that interp holds and that is on no thread's stack. */
static inline void
_PyInterpWalk_All(PyInterpreterState *interp, _PyPort_visitor visit, void *arg)
{
    visit(_PyPort_Modules(interp), arg);
    visit(_PyPort_ModulesByIndex(interp), arg);
    visit(interp->sysdict, arg);
    visit(interp->builtins, arg);
    visit(interp->gc.callbacks, arg);
    visit(interp->gc.garbage, arg);
    _PyInterpWalk_Last(interp, visit, arg);
}

/* Call visit(frame, arg) for each frame that runs in a thread of interp, the
   innermost of a thread first. */
static inline void
_PyInterpWalk_Frames(PyInterpreterState *interp,
                     void (*visit)(_PyInterpreterFrame *, void *), void *arg)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        _PyInterpreterFrame *frame = _PyPort_Frame(ts);
        for (; frame != NULL; frame = frame->previous) {
            visit(frame, arg);
        }
    }
}

#ifdef __cplusplus
}
#endif
#endif  // !Py_INTERNAL_INTERP_WALKS_H
