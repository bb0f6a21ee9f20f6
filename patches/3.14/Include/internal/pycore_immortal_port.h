/* The port: what the shared files need of CPython that is not the same in each.

   Files that all pins share use these names and no version numbers.  What each
   name promises is said here; patches/port-names lists them, and each pin has a
   header like this one that provides them all. */

#ifndef Py_INTERNAL_IMMORTAL_PORT_H
#define Py_INTERNAL_IMMORTAL_PORT_H
#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_BUILD_CORE
#  error "this header requires Py_BUILD_CORE define"
#endif

#include "pycore_code.h"
#include "pycore_dict.h"          // DK_ENTRIES()
#include "pycore_frame.h"         // FRAME_CLEARED
#include "pycore_function.h"      // _PyFunction_GetVersionForCurrentState()
#include "pycore_gc.h"            // struct gc_generation
#include "pycore_genobject.h"     // _PyGen_GetGeneratorFromFrame()
#include "pycore_interp.h"
#include "pycore_interpframe.h"   // _PyInterpreterFrame
#include "pycore_object.h"        // _PyObject_HasFeature()
#include "pycore_stackref.h"      // PyStackRef_AsPyObjectBorrow()
#include "pycore_typeobject.h"    // managed_static_type_state

/* A variable that each of the threads has for itself which finalize an interpreter
   at the same time. */
#define _PyPort_THREAD_LOCAL _Py_thread_local

/* Called for what an object holds, which may be NULL. */
typedef void (*_PyPort_visitor)(PyObject *, void *);

/* --- Frames ------------------------------------------------------------- */

/* The innermost frame of a thread that runs Python code, and the one that called
   a frame; or NULL.  Between them are frames of the interpreter loop itself,
   which have no slots and no function. */
static inline _PyInterpreterFrame *
_PyPort_Frame(PyThreadState *ts)
{
    return ts->current_frame;
}

static inline _PyInterpreterFrame *
_PyPort_OuterFrame(_PyInterpreterFrame *frame)
{
    return frame->previous;
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

   The loop stores where the stack ends before it calls anything that could come
   here.  Debug builds take it away while an instruction runs. */
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
    return PyStackRef_IsNullOrInt(ref) ? NULL : PyStackRef_AsPyObjectBorrow(ref);
}

/* What is in a slot, borrowed, or NULL. */
static inline PyObject *
_PyPort_FrameSlot(_PyInterpreterFrame *frame, int i)
{
    return port_from_stackref(frame->localsplus[i]);
}

/* The first slot of those that are surely operands of a call that is going on. */
static inline int
_PyPort_FirstOperand(_PyInterpreterFrame *frame)
{
    return frame->stackpointer == NULL || port_is_frame_of_loop(frame) ?
        _PyPort_FrameSlots(frame, 1) : _PyFrame_GetCode(frame)->co_nlocalsplus;
}

/* Is the reference in a slot counted?  One to what another slot refers to need
   not be. */
static inline int
_PyPort_IsSlotCounted(_PyInterpreterFrame *frame, int i)
{
    return PyStackRef_RefcountOnObject(frame->localsplus[i]);
}

/* The frame of a generator, a coroutine or an asynchronous generator, if its
   tp_traverse shows what is not counted, too; else NULL. */
static inline _PyInterpreterFrame *
_PyPort_GeneratorFrame(PyObject *op)
{
    PyGenObject *gen = (PyGenObject *)op;
    return gen->gi_frame_state == FRAME_CLEARED ? NULL : &gen->gi_iframe;
}

/* The function that a frame runs, borrowed; NULL if it runs none. */
static inline PyObject *
_PyPort_FrameFunction(_PyInterpreterFrame *frame)
{
    return port_is_frame_of_loop(frame) ? NULL :
        port_from_stackref(frame->f_funcobj);
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

/* Does the frame that an object stands for run, or is it suspended? */
static inline int
_PyPort_IsFrameAlive(PyFrameObject *frame)
{
    return frame->f_frame->owner != FRAME_OWNED_BY_FRAME_OBJECT;
}

/* A reference on the evaluation stack says whether it is counted, and such a one
   may be copied with a count, and the copy given up without one.  So where it is
   to what is immortal, it has to become one that is not counted.

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

/* The same for the frame of a generator, a coroutine or an asynchronous
   generator. */
static inline void
_PyPort_SettleGenerator(PyObject *op, int (*is_immortal)(PyObject *, void *),
                        void *arg)
{
    PyGenObject *gen = (PyGenObject *)op;
    if (gen->gi_frame_state != FRAME_CLEARED) {
        _PyPort_SettleFrame(&gen->gi_iframe, is_immortal, arg);
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

/* Has the interpreter begun to end? */
static inline int
_PyPort_IsFinalizing(PyInterpreterState *interp)
{
    return interp->finalizing;
}

/* Does the process end its main interpreter, so that no other thread can take
   the GIL any more? */
static inline int
_PyPort_IsRuntimeFinalizing(void)
{
    return Py_IsFinalizing();
}

/* Is tstate's interpreter finalized, by a thread that is the only one that still
   runs Python code there? */
static inline int
_PyPort_AreThreadsStopped(PyThreadState *tstate)
{
    return _PyInterpreterState_GetFinalizing(tstate->interp) != NULL;
}

/* tstate, which the calling thread is about to use, goes on where another thread
   has finalized its interpreter so far, which may not go on. */
static inline void
_PyPort_TakeOver(PyThreadState *stuck, PyThreadState *tstate)
{
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

/* No interpreter begins or ends in between.  Nothing may be called that could give
   up the GIL. */
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

/* Has a thread the GIL of interp just now?  For a thread that has not. */
static inline int
_PyPort_IsGILTaken(PyInterpreterState *interp)
{
    return _Py_atomic_load_int_relaxed(&interp->ceval.gil->locked);
}

/* The type of the exception that is set, and its value, which may not be
   normalized; borrowed, or NULL. */
static inline PyObject *
_PyPort_ExceptionType(PyThreadState *tstate)
{
    PyObject *exc = tstate->current_exception;
    return exc == NULL ? NULL : (PyObject *)Py_TYPE(exc);
}

static inline PyObject *
_PyPort_ExceptionValue(PyThreadState *tstate)
{
    return tstate->current_exception;
}

/* --- The collector ------------------------------------------------------ */

/* The generations, 0 the youngest, and the permanent one. */
static inline struct gc_generation *
_PyPort_Generation(PyInterpreterState *interp, int i)
{
    return &interp->gc.generations[i];
}

static inline struct gc_generation *
_PyPort_Permanent(PyInterpreterState *interp)
{
    return &interp->gc.permanent_generation;
}

/* --- Dictionaries ------------------------------------------------------- */

/* Keys, and the values that are stored with them. */
static inline Py_ALWAYS_INLINE void
_PyPort_VisitKeys(PyDictKeysObject *keys, _PyPort_visitor visit, void *arg)
{
    Py_ssize_t n = keys->dk_nentries;
    if (DK_IS_UNICODE(keys)) {
        PyDictUnicodeEntry *entry = DK_UNICODE_ENTRIES(keys);
        for (; --n >= 0; entry++) {
            visit(entry->me_key, arg);
            visit(entry->me_value, arg);
        }
    }
    else {
        PyDictKeyEntry *entry = DK_ENTRIES(keys);
        for (; --n >= 0; entry++) {
            visit(entry->me_key, arg);
            visit(entry->me_value, arg);
        }
    }
}

static inline Py_ALWAYS_INLINE void
_PyPort_VisitDict(PyDictObject *mp, _PyPort_visitor visit, void *arg)
{
    _PyPort_VisitKeys(mp->ma_keys, visit, arg);
    if (mp->ma_values != NULL) {
        for (Py_ssize_t i = 0; i < mp->ma_keys->dk_nentries; i++) {
            visit(mp->ma_values->values[i], arg);
        }
    }
}

/* What dict has under the key name, borrowed; or NULL, perhaps with an
   exception. */
static inline PyObject *
_PyPort_GetItemString(PyObject *dict, const char *name)
{
    PyObject *value;
    if (PyDict_GetItemStringRef(dict, name, &value) > 0) {
        Py_DECREF(value);       /* dict has one */
    }
    return value;
}

/* See to it that the keys have the version that specialized code wants to know.
   1 if they got one, 0 if they had one or cannot have one. */
static inline int
_PyPort_GiveKeysVersion(PyInterpreterState *interp, PyDictKeysObject *keys)
{
    return keys->dk_kind != DICT_KEYS_GENERAL && keys->dk_version == 0 &&
        _PyDictKeys_GetVersionForCurrentState(interp, keys) != 0;
}

/* The keys that a class's objects share have room for more, less with each object
   that is made, until there is room for one.  See to it that it is so now.  1 if
   that changed anything.

   The class statement finds what its methods set, so the first object shows all
   there is, mostly.  A class that has no object yet is left alone. */
static inline int
_PyPort_SettleSharedKeys(PyDictKeysObject *keys)
{
    if (keys->dk_usable <= 1 ||
        keys->dk_nentries + keys->dk_usable == SHARED_KEYS_MAX_SIZE)
    {
        return 0;
    }
    keys->dk_usable = 1;
    return 1;
}

/* --- Tuples ------------------------------------------------------------- */

/* Where a tuple keeps its hash, -1 until it is computed; NULL if it does not. */
static inline Py_hash_t *
_PyPort_TupleHash(PyObject *op)
{
    return &_PyTuple_CAST(op)->ob_hash;
}

/* --- Weak references ---------------------------------------------------- */

/* What ref refers to, borrowed; None if that is gone. */
static inline PyObject *
_PyPort_WeakrefTarget(PyObject *ref)
{
    /* Its deallocation may be going on. */
    PyObject *target = ((PyWeakReference *)ref)->wr_object;
    return Py_REFCNT(target) > 0 ? target : Py_None;
}

/* --- Code and functions ------------------------------------------------- */

static inline void
_PyPort_VisitCode(PyCodeObject *co, _PyPort_visitor visit, void *arg)
{
    visit(co->co_consts, arg);
    visit(co->co_names, arg);
    visit(co->co_exceptiontable, arg);
    visit(co->co_localsplusnames, arg);
    visit(co->co_localspluskinds, arg);
    visit(co->co_filename, arg);
    visit(co->co_name, arg);
    visit(co->co_qualname, arg);
    visit(co->co_linetable, arg);
    if (co->_co_cached != NULL) {
        visit(co->_co_cached->_co_code, arg);
        visit(co->_co_cached->_co_varnames, arg);
        visit(co->_co_cached->_co_cellvars, arg);
        visit(co->_co_cached->_co_freevars, arg);
    }
}

/* What a function holds. */
static inline void
_PyPort_VisitFunction(PyFunctionObject *f, _PyPort_visitor visit, void *arg)
{
    visit(f->func_globals, arg);
    visit(f->func_builtins, arg);
    visit(f->func_name, arg);
    visit(f->func_qualname, arg);
    visit(f->func_code, arg);
    visit(f->func_defaults, arg);
    visit(f->func_kwdefaults, arg);
    visit(f->func_closure, arg);
    visit(f->func_doc, arg);
    visit(f->func_dict, arg);
    visit(f->func_module, arg);
    visit(f->func_annotations, arg);
    visit(f->func_annotate, arg);
    visit(f->func_typeparams, arg);
}

/* As for keys. */
static inline int
_PyPort_GiveFunctionVersion(PyFunctionObject *func)
{
    return func->func_version == FUNC_VERSION_UNSET &&
        _PyFunction_GetVersionForCurrentState(func) != 0;
}

/* --- Types -------------------------------------------------------------- */

/* What the current interpreter knows of a static type of CPython's own, or NULL:
   other types know it themselves. */
PyAPI_FUNC(managed_static_type_state *) _PyImmortal_StaticState(PyTypeObject *type);

/* The dictionary of weak references to what type is a base of, borrowed; or
   NULL. */
static inline PyObject *
_PyPort_Subclasses(PyTypeObject *type)
{
    managed_static_type_state *state = _PyImmortal_StaticState(type);
    return state != NULL ? state->tp_subclasses : type->tp_subclasses;
}

/* What a static type holds.  Its tp_traverse must not be called. */
static inline void
_PyPort_VisitStaticType(PyTypeObject *type, _PyPort_visitor visit, void *arg)
{
    managed_static_type_state *state = _PyImmortal_StaticState(type);
    visit(_PyPort_Subclasses(type), arg);
    visit(state != NULL ? state->tp_dict : type->tp_dict, arg);
    visit(type->tp_bases, arg);
    visit(type->tp_mro, arg);
    visit(type->tp_cache, arg);
}

/* Has type a version, which specialized code and the method cache know it
   by? */
static inline int
_PyPort_HasTypeVersion(PyTypeObject *type)
{
    return type->tp_version_tag != 0;
}

/* A type of the io module, of the current interpreter; to be used where
   Modules/_io/_iomodule.h is included.  Where the module was never loaded, a
   type of which there are no objects. */
#define _PyPort_IO_TYPE(name) (_PyImmortal_IOState()->Py##name##_Type)
struct _io_state;
extern struct _io_state *_PyImmortal_IOState(void);

extern void _PyImmortal_ForgetIOState(void);

/* An interpreter is about to be finalized, by the calling thread: forget what
   was found out about one before it. */
static inline void
_PyPort_BeginFinalization(void)
{
    _PyImmortal_ForgetIOState();
}

#ifdef __cplusplus
}
#endif
#endif   /* !Py_INTERNAL_IMMORTAL_PORT_H */
