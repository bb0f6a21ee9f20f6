/* Finalization at shutdown: finalize first, clear after.

   While a finalizer runs, nothing has been cleared: all of the standard
   library is there, and every global of every module is bound.  The same goes
   for callbacks of weak references.  Clearing the user's modules comes next,
   with the standard library still whole; what runs then is deallocators.
   Clearing the standard library is left to finalize_modules().

   An immortal object is finalized like any other.  It is not deallocated. */

#include "Python.h"
#include "pycore_finalize_release.h"
#include "pycore_finalize_watch.h"
#include "pycore_gc.h"            // _PyGC_SET_FINALIZED()
#include "pycore_gc_lists.h"      // generation_of()
#include "pycore_immortal.h"      // _Py_EnsureImmortal()
#include "pycore_immortal_port.h" // _PyPort_Modules()
#include "pycore_initconfig.h"
#include "pycore_interp.h"
#include "pycore_object.h"
#include "pycore_pystate.h"

/* Finalizers may create objects that have one.  This many times such objects
   are looked for; what comes later is finalized when it is deallocated. */
#define MAX_ROUNDS 16

/* One allocation that fails is no reason to give up. */
#define ATTEMPTS 3

static _PyPort_THREAD_LOCAL PyInterpreterState *running = NULL;
static _PyPort_THREAD_LOCAL int quiet = 0;

int
_PyFinalize_IsRunning(void)
{
    return running != NULL && running == _PyInterpreterState_GET();
}

int
_PyFinalize_IsQuiet(void)
{
    /* After finalize_modules(), an unpatched interpreter has no sys.stderr to
       report to; an immortal one is still there. */
    PyInterpreterState *interp = _PyInterpreterState_GET();
    return quiet || (_PyPort_Modules(interp) == NULL &&
                     (interp->finalizing || _PyPort_IsRuntimeFinalizing()));
}

struct finalization {
    PyThreadState *tstate;
    PyInterpreterState *interp;
    int verbose;
    int (*flush)(void);
    struct _Py_finalize_stopped *stopped;   /* of the thread that began */
    int unflushed;          /* flush() failed */
    int round;
    int all_ran;            /* all finalizers */
    int must_own;           /* a finalizer has replaced the allocator */
    _Py_finalize_order *order;      /* of this round */
    _Py_finalize_modules modules;
    _Py_addrset finished;   /* not of the collector; and immortal by now */
};

/* Find what is to be finalized.  What is garbage already is not to be seen by
   weak references then.  Returns 0, or -1 for lack of memory. */
static int
find(struct finalization *f, _Py_finalize_found *found)
{
    if (_PyFinalize_Find(f->interp, &f->modules, &f->finished, found) < 0) {
        return -1;
    }
    if (f->round > 0 ||
        !(found->callbacks || (found->weakrefs && found->n_pending > 0)))
    {
        return 0;
    }
    _PyFinalize_ClearFound(found);
    _PyFinalize_CallBackGarbage(f->tstate);
    return _PyFinalize_Find(f->interp, &f->modules, &f->finished, found);
}

static int
find_and_order(struct finalization *f, _Py_finalize_found *found,
               _Py_finalize_order *order)
{
    if (find(f, found) < 0) {
        return -1;
    }
    /* For observers alone a walk of all that is shared with other processes
       would not pay: nobody looks. */
    if (found->n_pending == 0 && found->watchers.size == 0 &&
        !found->untracked && !f->verbose)
    {
        return 0;
    }
    int result = _PyFinalize_Order(f->interp, &f->modules, found, NULL,
                                   &f->finished, order);
    if (result == 0 && order->lost.size > 0) {
        /* Held by C code only, or garbage; and what they refer to has to wait
           for them. */
        _Py_objlist lost = order->lost;
        memset(&order->lost, 0, sizeof(order->lost));
        _PyFinalize_ClearOrder(order);
        result = _PyFinalize_Order(f->interp, &f->modules, found, &lost,
                                   &f->finished, order);
        _Py_objlist_clear(&lost);
    }
    return result;
}

/* Finalize op, and drop a reference to it.  A file that nothing but files and
   the stack of a stopped thread holds is closed without a warning that it was
   left open: nobody could have closed it.  If the file above it has closed it,
   it must not be asked again: its close() may close a descriptor that is
   another's by now. */
static void
finalize(struct finalization *f, PyObject *op, _Py_finalize_order *order)
{
    _PyFinalize_BeginFinalizer(op);
    _PyFinalize_SetAtHand(op);
    if (_PyFinalize_IsPlainFile(op) && !_Py_addrset_has(&order->held, op)) {
        _PyGC_SET_FINALIZED(op);
        if (_PyFinalize_IsClosed(op) == 0) {
            PyObject *result = PyObject_CallMethodNoArgs(op, &_Py_ID(close));
            if (result == NULL) {
                _PyPort_ReportClose(op);
            }
            Py_XDECREF(result);
        }
    }
    else {
        if (!_PyObject_IS_GC(op)) {
            /* It has no flag to say that its finalizer ran, and must not be
               deallocated, which would run it again. */
            _Py_EnsureImmortal(op);
        }
        _PyFinalize_Call(op);
    }
    _PyFinalize_SetAtHand(NULL);
    Py_DECREF(op);
    _PyFinalize_EndFinalizer();
}

/* Is the finalizer of op to run now?  If so, that is noted. */
static int
is_turn(struct finalization *f, _Py_finalize_streams *streams, PyObject *op)
{
    return _PyFinalize_IsPending(op, &f->finished) &&
        !_PyFinalize_IsInterpretersStream(f->interp, streams, op) &&
        !_PyFinalize_IsBusy(op) && !_PyPort_IsFileLocked(op) &&
        _PyFinalize_NoteFinished(op, &f->finished) == 0;
}

/* Run the finalizers of objects start to end - 1, the last first.  Returns
   how many there were: one may do what another would have done. */
static Py_ssize_t
run_slice(struct finalization *f, _Py_finalize_order *order, Py_ssize_t start,
          Py_ssize_t end)
{
    Py_ssize_t n = 0;
    _Py_finalize_streams streams = {0};
    for (Py_ssize_t i = end - 1; i >= start; i--) {
        PyObject *op = _PyFinalize_TakeObject(order, i);
        if (op == NULL) {
            continue;
        }
        if (is_turn(f, &streams, op)) {
            n++;
            _PyFinalize_CountFinalizer();
            _PyFinalize_DropModules(&f->modules);
            finalize(f, op, order);
        }
        else {
            Py_DECREF(op);
        }
    }
    return n;
}

/* Finalize op before its turn. */
static void
finalize_early(void *arg, PyObject *op)
{
    struct finalization *f = arg;
    _Py_finalize_streams streams = {0};
    if (is_turn(f, &streams, op)) {
        finalize(f, Py_NewRef(op), f->order);
    }
}

static void
set_quiet(int on)
{
    if (on != quiet) {
        quiet = on;
        _PyPort_SetQuiet(on);
    }
}

/* What has once failed to be flushed fails again, most often: one report is
   enough. */
static void
flush(struct finalization *f)
{
    set_quiet(f->unflushed);
    f->unflushed |= f->flush() < 0;
    set_quiet(0);
}

/* Run all finalizers in order, but for those of the standard streams; returns
   how many there were. */
static Py_ssize_t
run_finalizers(struct finalization *f, _Py_finalize_order *order)
{
    static const char *const kinds[] = {"user module", "module", "C module"};
    Py_ssize_t n = 0, end = order->objects.size;
    for (Py_ssize_t i = 0; i < f->modules.size; i++) {
        const _Py_finalize_module *m = &f->modules.items[i];
        if (f->verbose) {
            PySys_FormatStderr("# finalize %s %R (%zd)\n", kinds[m->kind],
                               m->name, m->end - m->start);
        }
        n += run_slice(f, order, m->told, m->end);
        set_quiet(m->told > m->start);
        n += run_slice(f, order, m->start, m->told);
        set_quiet(0);
        end = m->start;
    }
    if (f->verbose) {
        PySys_FormatStderr("# finalize files and the rest (%zd)\n",
                           end - order->streams);
    }
    return n + run_slice(f, order, order->streams, end);
}

/* Run all finalizers and call back; returns how many times.

   What stands in for sys.stdout may have a finalizer itself, or be a file: as
   long as others come, they may print. */
static Py_ssize_t
run_all(struct finalization *f, _Py_finalize_order *order)
{
    if (!f->must_own) {
        _PyFinalize_BorrowObjects(order);
    }
    Py_ssize_t n = _PyFinalize_CallOrphaned(&order->orphaned);
    f->order = order;
    _PyFinalize_BeginFiles(f->tstate, order, finalize_early, f);
    n += run_finalizers(f, order);
    _PyFinalize_EndFiles(f->tstate);
    n += _PyFinalize_RunCallbacks(order);
    if (n > 0) {
        flush(f);
    }
    if (n == 0 || f->round == MAX_ROUNDS - 1) {
        n += run_slice(f, order, 0, order->streams);
        _PyFinalize_RestoreStreams(f->interp);
    }
    /* It may do so again: each time, only some finalizers would run. */
    f->must_own |= order->unknown;
    return n;
}

/* So many containers finalizers may create before an automatic collection: it
   would finalize a cycle of files in the order of its lists. */
#define HELD_BACK 20000

/* Find all modules and pending finalizers, in order.  Returns 0, or -1 for
   lack of memory (without an exception).

   Walks along the collector's lists.  A collection would join them to others
   in between, and the walk miss the end. */
static int
prepare_round(struct finalization *f, _Py_finalize_order *order)
{
    _Py_finalize_found found = {0};
    int enabled = f->interp->gc.enabled;
    f->interp->gc.enabled = 0;
    _PyFinalize_FreeModules(&f->modules);
    int result = _PyFinalize_ListModules(f->interp, &f->modules);
    if (result == 0) {
        result = find_and_order(f, &found, order);
    }
    PyErr_Clear();
    _PyFinalize_ClearFound(&found);
    generation_of(f->interp, 0)->count = -HELD_BACK;
    f->interp->gc.enabled = enabled;
    return result;
}

/* Find all pending finalizers and run them; returns how many there were. */
static Py_ssize_t
run_round(struct finalization *f)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        _Py_finalize_order order = {0};
        int result = prepare_round(f, &order);
        Py_ssize_t n = result == 0 ? run_all(f, &order) : 0;
        _PyFinalize_ClearOrder(&order);
        if (result == 0) {
            return n;
        }
    }
    fputs("Python: no memory left to find the order of finalizers at "
          "shutdown; they run in any order\n", stderr);
    fflush(stderr);
    Py_ssize_t n = _PyFinalize_RunInAnyOrder(f->interp, &f->finished);
    if (n > 0) {
        flush(f);
    }
    return n;
}

static void
run_rounds(struct finalization *f)
{
    while (f->round < MAX_ROUNDS && run_round(f) > 0) {
        f->verbose = 0;
        f->round++;
    }
    f->all_ran = 1;
}

/* The thread that did this so far is stuck (finalize_watch.c). */
static void
go_on(PyThreadState *tstate, void *arg)
{
    struct finalization *f = arg;
    f->tstate = tstate;
    running = f->interp;
    quiet = 1;
    set_quiet(0);       /* the other thread may have been */
    _PyFinalize_stopped = *f->stopped;
    _PyFinalize_BeginWatch(tstate, go_on, f);
    if (!f->all_ran) {
        f->round = 1;
        run_rounds(f);
    }
    flush(f);
    _PyFinalize_EndWatch();
}

void
_PyFinalize_Interpreter(PyThreadState *tstate, int (*flush)(void),
                        int unflushed)
{
    struct finalization f = {
        .tstate = tstate,
        .interp = tstate->interp,
        .flush = flush,
        .unflushed = unflushed,
        .stopped = &_PyFinalize_stopped,
    };
    if (_PyPort_Modules(f.interp) == NULL || f.interp->sysdict == NULL) {
        return;     /* done already, or never initialized */
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    f.verbose = _PyInterpreterState_GetConfig(f.interp)->verbose;
    PyInterpreterState *outer = running;
    running = f.interp;
    f.stopped->depth++;
    _PyPort_BeginFinalization();
    if (_Py_IsMainInterpreter(f.interp)) {
        _PyFinalize_BeginWatch(tstate, go_on, &f);
    }
    _PyFinalize_NoteStreams(f.interp);
    _PyFinalize_RestoreStreams(f.interp);
    if (_Py_IsMainInterpreter(f.interp)) {
        _PyFinalize_CallLeft();
    }
    PyObject *replaced = _PyFinalize_RestoreBuiltins(f.interp);
    run_rounds(&f);
    Py_XDECREF(replaced);
    f.verbose = _PyInterpreterState_GetConfig(f.interp)->verbose;
    _PyFinalize_ClearModules(tstate, &f.modules, f.verbose);
    _PyFinalize_Release(f.interp);
    _PyFinalize_FreeModules(&f.modules);
    if (_Py_IsMainInterpreter(f.interp)) {
        _PyFinalize_EndWatch();
    }
    _Py_addrset_clear(&f.finished);
    if (--f.stopped->depth == 0) {
        _Py_addrset_clear(&f.stopped->in_use);
        _Py_addrset_clear(&f.stopped->called);
    }
    running = outer;
    _PyPort_BeginFinalization();
    PyErr_Restore(type, value, traceback);
}
