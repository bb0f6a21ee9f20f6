/* Finalization at shutdown: in which order.

   A depth-first walk in post-order, over the modules from the last to be
   finalized to the first, gives the order backwards: an object is recorded
   when all it refers to has been.  So what refers to an object is finalized
   before it, and an object that several modules hold goes with the last of
   them.  Where references form a cycle, the first to be met decides.

   Files come after all that, before them what a stopped thread was using, and
   before that what only C code holds.

   Modules and their dictionaries are boundaries.  A function refers to the
   globals of its module; following that, the first callback that a registry
   of the standard library holds would bring in all of the user's modules.
   Only the globals that a finalizer names are followed (finalize_names.c). */

#include "Python.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Find()
#include "pycore_finalize_walk.h"
#include "pycore_gc_lists.h"      // lists_visit()
#include "pycore_immortal_port.h" // _PyPort_VisitInterpreter()
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_pystate.h"       // _PyThreadState_GET()
#include "pycore_unicodeobject.h" // _PyUnicode_EqualToASCIIString()

/* Which third of a module's globals a name belongs to: those that begin with
   an underscore are finalized first, modules last; __builtins__ never. */
static int
group_of(PyObject *name, PyObject *value)
{
    int underscore = PyUnicode_Check(name) && PyUnicode_GET_LENGTH(name) > 0
        && PyUnicode_READ_CHAR(name, 0) == '_';
    if (underscore && _PyUnicode_EqualToASCIIString(name, "__builtins__")) {
        return -1;
    }
    if (PyModule_Check(value)) {
        return 2;
    }
    return underscore ? 0 : 1;
}

/* Which quarter of the globals of sys: the last one are those that an
   unpatched interpreter still has when it has lost sys.stderr, and can
   report nothing.

   It takes a few before all others, finalize_modules_delete_special() in
   Python/pylifecycle.c and _PyImport_FiniExternal() do; then
   _PyModule_ClearDict() those that begin with an underscore, and the others
   from first to last.

   late -- set when sys.stderr has been met. */
static int
group_in_sys(PyObject *name, PyObject *value, int *late)
{
    /* Of these each version has most. */
    static const char *const first[] = {
        "path", "argv", "ps1", "ps2", "last_exc", "last_type", "last_value",
        "last_traceback", "path_hooks", "path_importer_cache", "meta_path",
        "__interactivehook__",
    };
    int group = group_of(name, value);
    if (PyUnicode_Check(name)) {
        for (size_t i = 0; i < Py_ARRAY_LENGTH(first); i++) {
            if (_PyUnicode_EqualToASCIIString(name, first[i])) {
                return 0;
            }
        }
        *late |= _PyUnicode_EqualToASCIIString(name, "stderr");
    }
    if (group <= 0) {
        return group == 0 ? 1 : group;
    }
    return *late ? 3 : 2;
}

static void
walk_module(struct _Py_finalize_walk *w, _Py_finalize_module *m)
{
    PyObject *name, *value;
    int is_sys = m->dict != NULL && m->dict == w->interp->sysdict;
    m->start = m->told = w->order->objects.size;
    if (m->dict == NULL) {
        _PyFinalize_RunRoot(w, m->object);
    }
    else {
        /* The module itself, a subclass of its type may have a finalizer,
           and what its m_traverse shows. */
        _PyFinalize_RunBelow(w, m->object);
        int last = is_sys ? 3 : 2;
        for (int group = last; group >= 0; group--) {
            Py_ssize_t pos = 0;
            int late = 0;
            while (PyDict_Next(m->dict, &pos, &name, &value)) {
                if (group == (is_sys ? group_in_sys(name, value, &late)
                                     : group_of(name, value)))
                {
                    _PyFinalize_VisitInWalk(value, w);
                }
                if (group == 1 && !PyUnicode_CheckExact(name)) {
                    _PyFinalize_VisitInWalk(name, w);
                }
            }
            _PyFinalize_RunRoots(w);
            if (is_sys && group == last) {
                m->told = w->order->objects.size;
            }
        }
    }
    m->end = w->order->objects.size;
}

/* Mappings of modules are boundaries as well: what a user put there that is
   not a module has a place of its own.  But such a mapping may have a
   finalizer. */
static void
walk_mapping(struct _Py_finalize_walk *w, PyObject *mapping)
{
    if (mapping == NULL || _Py_addrset_add(&w->seen, mapping) <= 0) {
        return;
    }
    if (_PyFinalize_IsDue(w, mapping) &&
        _Py_objlist_append(&w->order->objects, mapping) < 0)
    {
        w->no_memory = 1;
    }
}

/* What the standard streams need goes last of all. */
static void
walk_streams(struct _Py_finalize_walk *w)
{
    static const char *const names[] = {
        "__stdin__", "__stdout__", "__stderr__", "stdin", "stdout", "stderr",
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *stream = _PyDictWalk_Find(w->interp->sysdict, names[i]);
        if (stream != NULL) {
            _PyFinalize_RunRoot(w, stream);
        }
    }
    w->order->streams = w->order->objects.size;
}

/* Files are closed when no other finalizer can write to them any more; nobody
   sees when that is. */
static void
walk_files(struct _Py_finalize_walk *w, const _Py_finalize_found *found)
{
    _Py_objlist files = {0};
    for (Py_ssize_t i = 0; i < found->n_pending; i++) {
        if (_PyFinalize_IsPlainFile(found->pending[i]) &&
            _Py_objlist_append(&files, found->pending[i]) < 0)
        {
            w->no_memory = 1;
        }
    }
    for (int h = _Py_FILE_HEIGHT; h >= 0; h--) {
        for (Py_ssize_t i = 0; i < files.size; i++) {
            if (_PyFinalize_FileHeight(files.items[i]) == h) {
                _PyFinalize_RunRoot(w, files.items[i]);
            }
        }
    }
    _Py_objlist_clear(&files);
    w->files_done = 1;
}

/* What a stopped thread was just using goes late, so that nothing has to wait
   for it if its finalizer does. */
static void
walk_in_use(struct _Py_finalize_walk *w, const _Py_finalize_found *found)
{
    for (Py_ssize_t i = 0; i < found->n_pending && !w->no_memory; i++) {
        /* Files were walked: that a thread's stack has one does not count. */
        if (_PyFinalize_WasInUse(found->pending[i]) &&
            !_PyFinalize_IsPlainFile(found->pending[i]))
        {
            _PyFinalize_RunRoot(w, found->pending[i]);
        }
    }
}

static void
add_set(struct _Py_finalize_walk *w, _Py_addrset *set, PyObject *op)
{
    if (_Py_addrset_add(set, op) < 0) {
        w->no_memory = 1;
    }
}

static void
walk_held(PyObject *op, void *w)
{
    if (op != NULL) {
        _PyFinalize_RunRoot(w, op);
    }
}

/* What the interpreter itself holds, and the thread that is left.  No
   finalizer is found here that was not known to be lost. */
static void
walk_state(struct _Py_finalize_walk *w)
{
    PyThreadState *tstate = _PyThreadState_GET();
    PyInterpreterState *interp = w->interp;
    walk_held(tstate->dict, w);
    walk_held(tstate->context, w);
    walk_held(interp->gc.callbacks, w);
    walk_held(interp->gc.garbage, w);
    _PyPort_VisitInterpreter(interp, walk_held, w);
}

static int
walk_if_in_use(PyObject *op, void *arg)
{
    struct _Py_finalize_walk *w = arg;
    if (_PyFinalize_WasInUse(op)) {
        _PyFinalize_RunRoot(w, op);
    }
    return w->no_memory;
}

static void
find_orphaned(struct _Py_finalize_walk *w, const _Py_finalize_found *found)
{
    if (found->observers.size == 0) {
        return;
    }
    walk_state(w);
    /* What stopped threads had on their stacks is not garbage. */
    (void)lists_visit(w->interp, walk_if_in_use, w);
    for (Py_ssize_t i = 0; i < found->observers.size; i++) {
        PyObject *ref = found->observers.items[i];
        PyObject *referent = _PyPort_WeakrefTarget(ref);
        /* What is garbage itself does not call back. */
        int may_clear = ((PyWeakReference *)ref)->wr_callback == NULL ||
            _Py_addrset_has(&w->seen, ref);
        if (may_clear && _PyObject_IS_GC(referent) &&
            !_Py_addrset_has(&w->seen, referent) &&
            _Py_objlist_append(&w->order->orphaned, ref) < 0)
        {
            w->no_memory = 1;
        }
    }
}

/* Modules are boundaries; weak references and what they refer to are to be
   noticed. */
static void
prepare(struct _Py_finalize_walk *w, const _Py_finalize_modules *modules,
        const _Py_finalize_found *found)
{
    for (Py_ssize_t i = 0; i < modules->size; i++) {
        const _Py_finalize_module *m = &modules->items[i];
        if (m->dict != NULL) {
            add_set(w, &w->seen, m->object);
            add_set(w, &w->seen, m->dict);
        }
    }
    if (_PyFinalize_AddForeignModules(w->interp, &w->seen) < 0) {
        w->no_memory = 1;
    }
    w->shared = PyInterpreterState_Next(PyInterpreterState_Head()) != NULL;
    for (Py_ssize_t i = 0; i < found->n_pending && w->shared; i++) {
        add_set(w, &w->own, found->pending[i]);
    }
    for (Py_ssize_t i = 0; i < found->watchers.size; i++) {
        PyObject *ref = found->watchers.items[i];
        add_set(w, &w->watched, ref);
        add_set(w, &w->watched, _PyPort_WeakrefTarget(ref));
        if (_Py_objlist_append(&w->order->watchers, ref) < 0) {
            w->no_memory = 1;
        }
    }
}

int
_PyFinalize_Order(PyInterpreterState *interp, _Py_finalize_modules *modules,
                  const _Py_finalize_found *found, const _Py_objlist *lost,
                  _Py_addrset *finished, _Py_finalize_order *order)
{
    struct _Py_finalize_walk w = {
        .interp = interp, .finished = finished, .order = order,
        .names = {.modules = modules, .found = found},
    };
    prepare(&w, modules, found);
    walk_mapping(&w, _PyPort_Modules(interp));
    walk_mapping(&w, _PyDictWalk_Find(interp->sysdict, "modules"));
    walk_streams(&w);
    walk_files(&w, found);
    walk_in_use(&w, found);
    for (Py_ssize_t i = 0; lost != NULL && i < lost->size; i++) {
        _PyFinalize_RunRoot(&w, lost->items[i]);
    }
    for (Py_ssize_t i = modules->size - 1; i >= 0 && !w.no_memory; i--) {
        walk_module(&w, &modules->items[i]);
    }
    for (Py_ssize_t i = 0; i < found->n_pending && !w.no_memory; i++) {
        if (!_Py_addrset_has(&w.seen, found->pending[i]) &&
            _Py_objlist_append(&order->lost, found->pending[i]) < 0)
        {
            w.no_memory = 1;
        }
    }
    find_orphaned(&w, found);
    _PyFinalize_SortTurns(order);
    _Py_objlist_clear(&w.later);
    PyMem_RawFree(w.stack.entries);
    _Py_addrset_clear(&w.seen);
    _Py_addrset_clear(&w.own);
    _Py_addrset_clear(&w.watched);
    _PyFinalize_FreePlaces(&w.places);
    _PyFinalize_FreeNames(&w.names);
    return w.no_memory ? -1 : 0;
}

void
_PyFinalize_ClearOrder(_Py_finalize_order *order)
{
    PyMem_RawFree(order->turns);
    order->turns = NULL;
    order->n_turns = order->turns_allocated = 0;
    order->streams = 0;
    _Py_addrset_clear(&order->held);
    _Py_objlist_clear(&order->lost);
    _Py_objlist_clear(&order->orphaned);
    _PyFinalize_ReturnObjects(order);
    _Py_objlist_clear(&order->objects);
    _Py_objlist_clear(&order->watchers);
}
