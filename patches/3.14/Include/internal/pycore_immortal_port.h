/* The port: what shared files need of CPython that is not the same in each.

   Files that all pins share use these names and no version numbers.  What each
   name promises is said here; patches/port-names lists them, and each pin has
   a header like this one that provides them all. */

#ifndef Py_INTERNAL_IMMORTAL_PORT_H
#define Py_INTERNAL_IMMORTAL_PORT_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_code.h"
#include "pycore_frame.h"         // FRAME_CLEARED
#include "pycore_gc.h"            // struct gc_generation
#include "pycore_genobject.h"     // PyGenObject
#include "pycore_interp.h"
#include "pycore_interpframe.h"   // _PyInterpreterFrame
#include "pycore_object.h"        // _PyObject_HasFeature()
#include "pycore_port_objects.h"
#include "pycore_stackref.h"      // PyStackRef_AsPyObjectBorrow()

/* A variable that each of the threads has for itself which finalize an
   interpreter at the same time. */
#define _PyPort_THREAD_LOCAL _Py_thread_local

/* --- Frames ------------------------------------------------------------- */

/* The innermost frame of a thread that runs Python code, or NULL; its previous
   is the one that called it.  Between them are frames of the interpreter loop
   itself, which have no slots and no function. */
static inline _PyInterpreterFrame *
_PyPort_Frame(PyThreadState *ts)
{
    return ts->current_frame;
}

static inline int
port_is_frame_of_loop(_PyInterpreterFrame *frame)
{
    return frame->owner >= FRAME_OWNED_BY_INTERPRETER;
}

/* How many slots a frame has, for variables first and then the evaluation
   stack.

   stale -- also those that may be out of use: where its stack ends may be in a
            register of the interpreter loop.  Of what is in these, only the
            address may be taken.

   The loop stores where the stack ends before it calls anything that could
   come here.  Debug builds take it away while an instruction runs. */
static inline int
_PyPort_FrameSlots(_PyInterpreterFrame *frame, int stale)
{
    if (port_is_frame_of_loop(frame)) {
        return 0;
    }
    if (frame->stackpointer != NULL) {
        return (int)(frame->stackpointer - frame->localsplus);
    }
    PyCodeObject *code = _PyFrame_GetCode(frame);
    return code->co_nlocalsplus + (stale ? code->co_stacksize : 0);
}

static inline PyObject *
port_from_stackref(_PyStackRef ref)
{
    return PyStackRef_IsNullOrInt(ref) ? NULL
                                       : PyStackRef_AsPyObjectBorrow(ref);
}

/* What is in a slot, borrowed, or NULL. */
static inline PyObject *
_PyPort_FrameSlot(_PyInterpreterFrame *frame, int i)
{
    return port_from_stackref(frame->localsplus[i]);
}

/* The first slot of those that are operands of a call that is going on, and
   the one behind the last.  In debug builds, there are none. */
#define _PyPort_AreOperandsSure 1

static inline int
_PyPort_FirstOperand(_PyInterpreterFrame *frame)
{
    return frame->stackpointer == NULL || port_is_frame_of_loop(frame) ?
        _PyPort_FrameSlots(frame, 1) : _PyFrame_GetCode(frame)->co_nlocalsplus;
}

static inline int
_PyPort_OperandsEnd(_PyInterpreterFrame *frame)
{
    return _PyPort_FrameSlots(frame, 1);
}

/* Is the reference in a slot counted?  One to what another slot refers to need
   not be. */
static inline int
_PyPort_IsSlotCounted(_PyInterpreterFrame *frame, int i)
{
    return PyStackRef_RefcountOnObject(frame->localsplus[i]);
}

/* The frame of op, if that is a generator, a coroutine or an asynchronous
   generator and its tp_traverse shows references that are not counted, too;
   else NULL. */
static inline _PyInterpreterFrame *
_PyPort_GeneratorFrame(PyObject *op)
{
    PyGenObject *gen = (PyGenObject *)op;
    if (!PyGen_CheckExact(op) && !PyCoro_CheckExact(op) &&
        !PyAsyncGen_CheckExact(op))
    {
        return NULL;
    }
    return gen->gi_frame_state == FRAME_CLEARED ? NULL : &gen->gi_iframe;
}

/* The function that a frame runs, borrowed; NULL if it runs none. */
static inline PyObject *
_PyPort_FrameFunction(_PyInterpreterFrame *frame)
{
    return port_is_frame_of_loop(frame) ? NULL :
        port_from_stackref(frame->f_funcobj);
}

/* The frame of op, if that is a generator, a coroutine or an asynchronous
   generator that is suspended or was not begun; else NULL. */
static inline _PyInterpreterFrame *
_PyPort_SuspendedFrame(PyObject *op)
{
    _PyInterpreterFrame *frame = _PyPort_GeneratorFrame(op);
    return frame != NULL &&
        ((PyGenObject *)op)->gi_frame_state < FRAME_EXECUTING ? frame : NULL;
}

/* What a frame holds besides, the function too. */
static inline void
_PyPort_VisitFrame(_PyInterpreterFrame *frame, _PyPort_visitor visit,
                   void *arg)
{
    if (!port_is_frame_of_loop(frame)) {
        visit(_PyPort_FrameFunction(frame), arg);
        visit(port_from_stackref(frame->f_executable), arg);
        visit(frame->f_locals, arg);
    }
}

/* Does a generator's tp_traverse show what the frame holds? */
static inline int
_PyPort_IsFrameOfGenerator(_PyInterpreterFrame *frame)
{
    return frame->owner == FRAME_OWNED_BY_GENERATOR &&
        frame->stackpointer != NULL;
}

/* A reference on the evaluation stack says whether it is counted, and such a
   one may be copied with a count, and the copy given up without one.  So where
   it is to what is immortal, it has to become one that is not counted.

   is_immortal -- says of what. */
static inline void
port_settle_stackref(_PyStackRef *ref,
                     int (*is_immortal)(PyObject *, void *), void *arg)
{
    PyObject *op = port_from_stackref(*ref);
    if (op != NULL && PyStackRef_RefcountOnObject(*ref) &&
        is_immortal(op, arg))
    {
        ref->bits |= Py_TAG_REFCNT;
    }
}

static inline void
_PyPort_SettleFrame(_PyInterpreterFrame *frame,
                    int (*is_immortal)(PyObject *, void *), void *arg)
{
    int n = _PyPort_FrameSlots(frame, 0);
    for (int i = 0; i < n; i++) {
        port_settle_stackref(&frame->localsplus[i], is_immortal, arg);
    }
    if (!port_is_frame_of_loop(frame)) {
        port_settle_stackref(&frame->f_funcobj, is_immortal, arg);
        port_settle_stackref(&frame->f_executable, is_immortal, arg);
    }
}

/* --- The interpreter ---------------------------------------------------- */

/* sys.modules, as the interpreter holds it; NULL once it has none. */
static inline PyObject *
_PyPort_Modules(PyInterpreterState *interp)
{
    return interp->imports.modules;
}

static inline PyObject *
_PyPort_ModulesByIndex(PyInterpreterState *interp)
{
    return interp->imports.modules_by_index;
}

/* importlib._bootstrap */
static inline PyObject *
_PyPort_Importlib(PyInterpreterState *interp)
{
    return interp->imports.importlib;
}

/* What the interpreter holds in C, but for its modules and their namespaces,
   what belongs to the collector, and audit hooks. */
static inline void
_PyPort_VisitInterpreter(PyInterpreterState *interp, _PyPort_visitor visit,
                         void *arg)
{
    visit(interp->dict, arg);
    visit(interp->sysdict_copy, arg);
    visit(interp->builtins_copy, arg);
    visit(interp->codecs.search_path, arg);
    visit(interp->codecs.search_cache, arg);
    visit(interp->codecs.error_registry, arg);
    visit(interp->imports.importlib, arg);
    visit(interp->imports.import_func, arg);
    visit(interp->warnings.filters, arg);
    visit(interp->warnings.once_registry, arg);
    visit(interp->warnings.default_action, arg);
    visit(interp->warnings.context, arg);
#ifdef HAVE_FORK
    visit(interp->before_forkers, arg);
    visit(interp->after_forkers_parent, arg);
    visit(interp->after_forkers_child, arg);
#endif
    for (int tool = 0; tool < PY_MONITORING_TOOL_IDS; tool++) {
        visit(interp->monitoring_tool_names[tool], arg);
        for (int event = 0; event < _PY_MONITORING_EVENTS; event++) {
            visit(interp->monitoring_callables[tool][event], arg);
        }
    }
}

/* The names that attributes were looked up by. */
static inline void
_PyPort_VisitTypeCache(PyInterpreterState *interp, _PyPort_visitor visit,
                       void *arg)
{
    struct type_cache *cache = &interp->types.type_cache;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(cache->hashtable); i++) {
        visit(cache->hashtable[i].name, arg);
    }
}

/* Does the process end its main interpreter, so that no other thread can take
   the GIL any more? */
static inline int
_PyPort_IsRuntimeFinalizing(void)
{
    return Py_IsFinalizing();
}

/* Is tstate's interpreter finalized, by a thread that is the only one that
   still runs Python code there? */
static inline int
_PyPort_AreThreadsStopped(PyThreadState *tstate)
{
    return _PyInterpreterState_GetFinalizing(tstate->interp) != NULL;
}

/* The calling thread waits for the GIL, by the new tstate, and goes on where
   another thread has finalized its interpreter so far, which may not go on. */
static inline void
_PyPort_TakeOver(PyThreadState *stuck, PyThreadState *tstate)
{
    PyEval_AcquireThread(tstate);
    /* With the GIL: the other's state changes as it gets and leaves it. */
    _PyThreadState_SetShuttingDown(stuck);
    _PyInterpreterState_SetFinalizing(tstate->interp, tstate);
    _PyRuntimeState_SetFinalizing(&_PyRuntime, tstate);
}

/* Do two interpreters have one GIL, and objects in common? */
static inline int
_PyPort_ShareGIL(PyInterpreterState *one, PyInterpreterState *other)
{
    return one->ceval.gil == other->ceval.gil;
}

/* No interpreter begins or ends in between.  Nothing may be called that could
   give up the GIL. */
static inline void
_PyPort_LockInterpreters(void)
{
    HEAD_LOCK(&_PyRuntime);
}

static inline void
_PyPort_UnlockInterpreters(void)
{
    HEAD_UNLOCK(&_PyRuntime);
}

/* The built-in exception for what cannot be had while the interpreter is
   finalizing, borrowed; NULL if there is none. */
static inline PyObject *
_PyPort_FinalizationError(void)
{
    return PyExc_PythonFinalizationError;
}

/* What _PyFinalize_IsQuiet() says has changed, for who does not ask. */
static inline void
_PyPort_SetQuiet(int Py_UNUSED(on))
{
}

/* Is op a file that would end the process if it were closed, because a
   stopped thread has locked it or one below it?  Not here: close() raises
   an exception. */
static inline int
_PyPort_IsFileLocked(PyObject *Py_UNUSED(op))
{
    return 0;
}

/* Does PyErr_CheckSignals() call _PyFinalize_CheckFiles()? */
#define _PyPort_CHECKS_FILES 1

/* Is _PyFinalize_ReleaseRest() called, once modules were cleared? */
#define _PyPort_RELEASES_REST 1

/* op, a file, could not be closed: report the exception, or clear it, as its
   finalizer does (iobase_finalize() in Modules/_io/iobase.c). */
static inline void
_PyPort_ReportClose(PyObject *op)
{
    PyErr_FormatUnraisable("Exception ignored while finalizing file %R", op);
}

/* Has a thread the GIL of interp just now?  For a thread that has not. */
static inline int
_PyPort_IsGILTaken(PyInterpreterState *interp)
{
    return _Py_atomic_load_int_relaxed(&interp->ceval.gil->locked);
}

/* The type of the exception that is set, borrowed; or NULL. */
static inline PyObject *
_PyPort_ExceptionType(PyThreadState *tstate)
{
    PyObject *exc = tstate->current_exception;
    return exc == NULL ? NULL : (PyObject *)Py_TYPE(exc);
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_PORT_H */
