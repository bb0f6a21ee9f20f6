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
#include "pycore_frame.h"         // _PyInterpreterFrame
#include "pycore_gc.h"            // struct gc_generation
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyType_HasFeature()
#include "pycore_port_objects.h"

/* A variable that each of the threads has for itself which finalize an
   interpreter at the same time.  All take the same GIL, but a finalizer can
   give it up. */
#if defined(_MSC_VER)
#  define _PyPort_THREAD_LOCAL __declspec(thread)
#else
#  define _PyPort_THREAD_LOCAL __thread
#endif

/* --- Frames ------------------------------------------------------------- */

/* The innermost frame of a thread that runs Python code, or NULL; its previous
   is the one that called it. */
static inline _PyInterpreterFrame *
_PyPort_Frame(PyThreadState *ts)
{
    return ts->cframe->current_frame;
}

/* How many slots a frame has, for variables first and then the evaluation
   stack.

   stale -- also those that may be out of use: where its stack ends may be in a
            register of the interpreter loop.  Of what is in these, only the
            address may be taken. */
static inline int
_PyPort_FrameSlots(_PyInterpreterFrame *frame, int stale)
{
    if (frame->stacktop >= 0) {
        return frame->stacktop;
    }
    PyCodeObject *code = frame->f_code;
    return code->co_nlocalsplus + (stale ? code->co_stacksize : 0);
}

/* What is in a slot, borrowed, or NULL. */
static inline PyObject *
_PyPort_FrameSlot(_PyInterpreterFrame *frame, int i)
{
    return frame->localsplus[i];
}

/* The first slot of those that are operands of a call that is going on, and
   the one behind the last.

   Here, the call may have just come to its end: of what is in these, only the
   address may be taken, until it is known to be an object's. */
#define _PyPort_AreOperandsSure 0

static inline int
_PyPort_FirstOperand(_PyInterpreterFrame *frame)
{
    return frame->f_code->co_nlocalsplus;
}

extern int _PyFrame_OperandsEnd(_PyInterpreterFrame *frame);

static inline int
_PyPort_OperandsEnd(_PyInterpreterFrame *frame)
{
    return _PyFrame_OperandsEnd(frame);
}

/* Is the reference in a slot counted?  One to what another slot refers to need
   not be. */
static inline int
_PyPort_IsSlotCounted(_PyInterpreterFrame *frame, int i)
{
    return 1;
}

/* The frame of op, if that is a generator, a coroutine or an asynchronous
   generator and its tp_traverse shows references that are not counted, too;
   else NULL. */
static inline _PyInterpreterFrame *
_PyPort_GeneratorFrame(PyObject *op)
{
    return NULL;
}

/* The function that a frame runs, borrowed. */
static inline PyObject *
_PyPort_FrameFunction(_PyInterpreterFrame *frame)
{
    return (PyObject *)frame->f_func;
}

/* The frame of op, if that is a generator, a coroutine or an asynchronous
   generator that is suspended or was not begun; else NULL. */
static inline _PyInterpreterFrame *
_PyPort_SuspendedFrame(PyObject *op)
{
    PyGenObject *gen = (PyGenObject *)op;
    if (!PyGen_CheckExact(op) && !PyCoro_CheckExact(op) &&
        !PyAsyncGen_CheckExact(op))
    {
        return NULL;
    }
    return gen->gi_frame_state < FRAME_EXECUTING ?
        (_PyInterpreterFrame *)gen->gi_iframe : NULL;
}

/* What a frame holds besides, the function too. */
static inline void
_PyPort_VisitFrame(_PyInterpreterFrame *frame, _PyPort_visitor visit,
                   void *arg)
{
    visit(_PyPort_FrameFunction(frame), arg);
    visit((PyObject *)frame->f_code, arg);
    visit(frame->f_locals, arg);
}

/* Does a generator's tp_traverse show what the frame holds? */
static inline int
_PyPort_IsFrameOfGenerator(_PyInterpreterFrame *frame)
{
    return frame->stacktop >= 0 && frame->owner == FRAME_OWNED_BY_GENERATOR;
}

/* A reference on the evaluation stack is counted like any other: nothing
   has to be done where what it refers to became immortal.  is_immortal says
   of what. */
static inline void
_PyPort_SettleFrame(_PyInterpreterFrame *frame,
                    int (*is_immortal)(PyObject *, void *), void *arg)
{
}

/* --- The interpreter ---------------------------------------------------- */

/* sys.modules, as the interpreter holds it; NULL once it has none. */
static inline PyObject *
_PyPort_Modules(PyInterpreterState *interp)
{
    return interp->modules;
}

static inline PyObject *
_PyPort_ModulesByIndex(PyInterpreterState *interp)
{
    return interp->modules_by_index;
}

/* importlib._bootstrap */
static inline PyObject *
_PyPort_Importlib(PyInterpreterState *interp)
{
    return interp->importlib;
}

/* What the interpreter holds in C, but for its modules and their namespaces,
   what belongs to the collector, and audit hooks. */
static inline void
_PyPort_VisitInterpreter(PyInterpreterState *interp, _PyPort_visitor visit,
                         void *arg)
{
    visit(interp->dict, arg);
    visit(interp->builtins_copy, arg);
    visit(interp->codec_search_path, arg);
    visit(interp->codec_search_cache, arg);
    visit(interp->codec_error_registry, arg);
    visit(interp->importlib, arg);
    visit(interp->import_func, arg);
#ifdef HAVE_FORK
    visit(interp->before_forkers, arg);
    visit(interp->after_forkers_parent, arg);
    visit(interp->after_forkers_child, arg);
#endif
}

/* The names that attributes were looked up by. */
static inline void
_PyPort_VisitTypeCache(PyInterpreterState *interp, _PyPort_visitor visit,
                       void *arg)
{
    struct type_cache *cache = &interp->type_cache;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(cache->hashtable); i++) {
        visit(cache->hashtable[i].name, arg);
    }
}

/* Does the process end its main interpreter, so that no other thread can take
   the GIL any more? */
static inline int
_PyPort_IsRuntimeFinalizing(void)
{
    return _Py_IsFinalizing();
}

/* Is tstate's interpreter finalized, by a thread that is the only one that
   still runs Python code there? */
static inline int
_PyPort_AreThreadsStopped(PyThreadState *Py_UNUSED(tstate))
{
    return _PyPort_IsRuntimeFinalizing();
}

/* The calling thread waits for the GIL, by the new tstate, and goes on where
   another thread has finalized its interpreter so far, which may not go on. */
static inline void
_PyPort_TakeOver(PyThreadState *Py_UNUSED(stuck), PyThreadState *tstate)
{
    /* The GIL is for this thread only from now on. */
    _PyRuntimeState_SetFinalizing(&_PyRuntime, tstate);
    PyEval_AcquireThread(tstate);
}

/* Do two interpreters have one GIL, and objects in common? */
static inline int
_PyPort_ShareGIL(PyInterpreterState *Py_UNUSED(one),
                 PyInterpreterState *Py_UNUSED(other))
{
    return 1;
}

/* No interpreter begins or ends in between.  Nothing may be called that could
   give up the GIL.  Here, the GIL sees to it. */
static inline void
_PyPort_LockInterpreters(void)
{
}

static inline void
_PyPort_UnlockInterpreters(void)
{
}

/* The built-in exception for what cannot be had while the interpreter is
   finalizing, borrowed; NULL if there is none. */
static inline PyObject *
_PyPort_FinalizationError(void)
{
    return NULL;
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
#ifndef Py_DEBUG
    if (!_Py_GetConfig()->dev_mode) {
        PyErr_Clear();
        return;
    }
#endif
    PyErr_WriteUnraisable(op);
}

/* Has a thread the GIL of interp just now?  For a thread that has not. */
static inline int
_PyPort_IsGILTaken(PyInterpreterState *interp)
{
    return _Py_atomic_load_relaxed(&interp->runtime->ceval.gil.locked);
}

/* The type of the exception that is set, borrowed; or NULL. */
static inline PyObject *
_PyPort_ExceptionType(PyThreadState *tstate)
{
    return tstate->curexc_type;
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_PORT_H */
