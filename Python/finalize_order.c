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

   The walk reads, but does not write: a forked process that exits would get
   a copy of every page that it writes to. */

#include "Python.h"
#include "pycore_finalize.h"
#include "pycore_gc.h"            // _PyObject_GC_IS_TRACKED()
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_pystate.h"       // _PyThreadState_GET()

/* On the stack, the lowest bit says that what op refers to is done. */
#define DONE ((uintptr_t)1)

struct walk {
    PyInterpreterState *interp;
    uintptr_t *stack;
    Py_ssize_t size;
    Py_ssize_t allocated;
    int files_done;
    PyObject *attributes;       /* not to be followed just now */
    _Py_objlist later;          /* attributes, to be followed after the root */
    _Py_addrset seen;
    int shared;                 /* are there other interpreters? */
    _Py_addrset own;            /* if so: pending, on a list of this one */
    _Py_addrset *finished;
    _Py_addrset watched;        /* weak references, and what they refer to */
    _Py_finalize_places places;
    Py_ssize_t turn;
    _Py_finalize_order *order;
    int no_memory;
};

static void
push(struct walk *w, PyObject *op, uintptr_t flag)
{
    if (w->size == w->allocated) {
        uintptr_t *stack = _PyFinalize_Grow(w->stack, &w->allocated,
                                            sizeof(*stack));
        if (stack == NULL) {
            w->no_memory = 1;
            return;
        }
        w->stack = stack;
    }
    w->stack[w->size++] = (uintptr_t)op | flag;
}

static inline int
is_watched(struct walk *w, PyObject *op)
{
    return w->watched.used > 0 && _Py_addrset_has(&w->watched, op);
}

static int
visit(PyObject *op, void *arg)
{
    struct walk *w = arg;
    if (op == w->attributes ||
        (Py_TYPE(op)->tp_finalize == NULL && !_PyObject_IS_GC(op) &&
         !is_watched(w, op)) ||
        _Py_addrset_has(&w->seen, op))
    {
        if (w->files_done && Py_TYPE(op)->tp_finalize != NULL &&
            _PyFinalize_IsPlainFile(op) &&
            _Py_addrset_add(&w->order->held, op) < 0)
        {
            w->no_memory = 1;
        }
        return 0;
    }
    push(w, op, 0);
    return 0;
}

/* Is op to be finalized?  Interpreters share objects, through static types and
   C modules: what the walk meets may be another's to finalize. */
static int
is_due(struct walk *w, PyObject *op)
{
    if (Py_TYPE(op)->tp_finalize == NULL) {
        return 0;
    }
    if (w->shared && (!_PyObject_IS_GC(op) || !_Py_addrset_has(&w->own, op))) {
        return 0;
    }
    return _PyFinalize_IsPending(op, w->finished);
}

/* Push what op refers to. */
static void
expand(PyObject *op, struct walk *w)
{
    PyTypeObject *type = Py_TYPE(op);
    int due = is_due(w, op);
    PyObject *attributes = due ? _PyFinalize_FileAttributes(op) : NULL;
    if (attributes != NULL &&
        _Py_objlist_append(&w->later, attributes) < 0)
    {
        w->no_memory = 1;
    }
    if (due) {
        push(w, op, DONE);
    }
    /* What is not tracked may be half made, but for tuples and dicts. */
    if (_PyObject_IS_GC(op) &&
        (_PyObject_GC_IS_TRACKED(op) || PyDict_Check(op) || PyTuple_Check(op)))
    {
        Py_ssize_t n = w->size;
        w->attributes = attributes;
        type->tp_traverse(op, visit, w);
        w->attributes = NULL;
        if (PyAnySet_Check(op) && w->size - n > 1 &&
            _PyFinalize_SortMembers(w->interp, &w->places, w->stack + n,
                                    w->size - n) < 0)
        {
            w->no_memory = 1;
        }
    }
}

/* Walk from what is on the stack above its first n entries, one root after
   the other, the topmost first. */
static void
run(struct walk *w, Py_ssize_t n)
{
    while (w->size > n && !w->no_memory) {
        uintptr_t entry = w->stack[--w->size];
        PyObject *op = (PyObject *)(entry & ~DONE);
        if (entry & DONE) {
            if (_Py_objlist_append(&w->order->objects, op) < 0) {
                w->no_memory = 1;
            }
            continue;
        }
        int added = _Py_addrset_add(&w->seen, op);
        if (added < 0) {
            w->no_memory = 1;
        }
        if (added > 0) {
            if (is_watched(w, op) &&
                _PyFinalize_RecordTurn(w->order, op, w->turn) < 0)
            {
                w->no_memory = 1;
            }
            expand(op, w);
        }
    }
}

/* Walk from each of what is on the stack, the topmost first; each is a turn
   of its own. */
static void
run_roots(struct walk *w)
{
    while (w->size > 0 && !w->no_memory) {
        w->turn++;
        Py_ssize_t n = w->size - 1;
        run(w, n);
        while (w->later.size > 0 && !w->no_memory) {
            PyObject *attributes = w->later.items[--w->later.size];
            visit(attributes, w);
            Py_DECREF(attributes);      /* its file holds one */
            run(w, n);
        }
    }
}

static void
run_root(struct walk *w, PyObject *op)
{
    visit(op, w);
    run_roots(w);
}

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

static void
walk_module(struct walk *w, _Py_finalize_module *m)
{
    PyObject *name, *value;
    m->start = w->order->objects.size;
    if (m->dict == NULL) {
        run_root(w, m->object);
    }
    else {
        /* The module itself, a subclass of its type may have a finalizer,
           and what its m_traverse shows. */
        expand(m->object, w);
        run(w, 0);
        for (int group = 2; group >= 0; group--) {
            Py_ssize_t pos = 0;
            while (PyDict_Next(m->dict, &pos, &name, &value)) {
                if (group_of(name, value) == group) {
                    visit(value, w);
                }
                if (group == 1 && !PyUnicode_CheckExact(name)) {
                    visit(name, w);
                }
            }
            run_roots(w);
        }
    }
    m->end = w->order->objects.size;
}

/* Mappings of modules are boundaries as well: what a user put there that is
   not a module has a place of its own.  But such a mapping may have a
   finalizer. */
static void
walk_mapping(struct walk *w, PyObject *mapping)
{
    if (mapping == NULL || _Py_addrset_add(&w->seen, mapping) <= 0) {
        return;
    }
    if (is_due(w, mapping) &&
        _Py_objlist_append(&w->order->objects, mapping) < 0)
    {
        w->no_memory = 1;
    }
}

/* What the standard streams need goes last of all. */
static void
walk_streams(struct walk *w)
{
    static const char *const names[] = {
        "__stdin__", "__stdout__", "__stderr__", "stdin", "stdout", "stderr",
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *stream = PyDict_GetItemString(w->interp->sysdict,
                                                names[i]);
        if (stream != NULL) {
            run_root(w, stream);
        }
    }
    w->order->streams = w->order->objects.size;
}

/* Files are closed when no other finalizer can write to them any more; nobody
   sees when that is. */
static void
walk_files(struct walk *w, const _Py_finalize_found *found)
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
                run_root(w, files.items[i]);
            }
        }
    }
    _Py_objlist_clear(&files);
    w->files_done = 1;
}

/* What a stopped thread was just using goes late, so that nothing has to wait
   for it if its finalizer does. */
static void
walk_in_use(struct walk *w, const _Py_finalize_found *found)
{
    for (Py_ssize_t i = 0; i < found->n_pending && !w->no_memory; i++) {
        /* Files were walked; that a thread's stack holds one does not count. */
        if (_PyFinalize_WasInUse(found->pending[i]) &&
            !_PyFinalize_IsPlainFile(found->pending[i]))
        {
            run_root(w, found->pending[i]);
        }
    }
}

static void
add_set(struct walk *w, _Py_addrset *set, PyObject *op)
{
    if (_Py_addrset_add(set, op) < 0) {
        w->no_memory = 1;
    }
}

/* What the interpreter itself holds, and the thread that is left.  No finalizer
   is found here that was not known to be lost. */
static void
walk_state(struct walk *w)
{
    PyThreadState *tstate = _PyThreadState_GET();
    PyInterpreterState *interp = w->interp;
    PyObject *const held[] = {
        tstate->dict, tstate->context, interp->dict, interp->builtins_copy,
        interp->codec_search_path, interp->codec_search_cache,
        interp->codec_error_registry, interp->gc.callbacks, interp->gc.garbage,
        interp->importlib, interp->import_func,
#ifdef HAVE_FORK
        interp->before_forkers, interp->after_forkers_parent,
        interp->after_forkers_child,
#endif
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(held); i++) {
        if (held[i] != NULL) {
            run_root(w, held[i]);
        }
    }
}

/* What stopped threads had on their stacks is not garbage. */
static void
walk_stacks(struct walk *w)
{
    for (int i = 0; i < _PyFinalize_NUM_LISTS; i++) {
        PyGC_Head *list = _PyFinalize_List(w->interp, i);
        PyGC_Head *gc = _PyGCHead_NEXT(list);
        for (; gc != list && !w->no_memory; gc = _PyGCHead_NEXT(gc)) {
            if (_PyFinalize_WasInUse((PyObject *)(gc + 1))) {
                run_root(w, (PyObject *)(gc + 1));
            }
        }
    }
}

static void
find_orphaned(struct walk *w, const _Py_finalize_found *found)
{
    if (found->observers.size == 0) {
        return;
    }
    walk_state(w);
    walk_stacks(w);
    for (Py_ssize_t i = 0; i < found->observers.size; i++) {
        PyObject *ref = found->observers.items[i];
        PyObject *referent = PyWeakref_GET_OBJECT(ref);
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
prepare(struct walk *w, const _Py_finalize_modules *modules,
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
        add_set(w, &w->watched, PyWeakref_GET_OBJECT(ref));
    }
}

int
_PyFinalize_Order(PyInterpreterState *interp, _Py_finalize_modules *modules,
                  const _Py_finalize_found *found, const _Py_objlist *lost,
                  _Py_addrset *finished, _Py_finalize_order *order)
{
    struct walk w = {.interp = interp, .finished = finished, .order = order};
    prepare(&w, modules, found);
    walk_mapping(&w, interp->modules);
    walk_mapping(&w, PyDict_GetItemString(interp->sysdict, "modules"));
    walk_streams(&w);
    walk_files(&w, found);
    walk_in_use(&w, found);
    for (Py_ssize_t i = 0; lost != NULL && i < lost->size; i++) {
        run_root(&w, lost->items[i]);
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
    PyMem_RawFree(w.stack);
    _Py_addrset_clear(&w.seen);
    _Py_addrset_clear(&w.own);
    _Py_addrset_clear(&w.watched);
    _PyFinalize_FreePlaces(&w.places);
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
    _Py_objlist_clear(&order->objects);
}
