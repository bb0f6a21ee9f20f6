/* The immortal heap: when it is made, and of what.

   Python/immortal_mark.c has the walk. */

#include "Python.h"
#include "pycore_dict.h"          // _PyDict_GetItemStringWithError()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_heap.h"
#include "pycore_immortal_list.h" // list_merge()
#include "pycore_immortal_mark.h" // _PyMarker_IsAtomicTuple()
#include "pycore_immortal_owned.h"
#include "pycore_initconfig.h"    // _Py_GetEnv()
#include "pycore_interp.h"
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_pystate.h"       // _PyInterpreterState_GET()

#define VALUE_WANTED "expected on, off, 1 or 0, found '%.40s'"

/* 1 for on, 0 for off, -1 for anything else. */
static int
parse_switch(const char *value)
{
    if (strcmp(value, "on") == 0 || strcmp(value, "1") == 0) {
        return 1;
    }
    if (strcmp(value, "off") == 0 || strcmp(value, "0") == 0) {
        return 0;
    }
    return -1;
}

/* Read the switch: 1 for on, the default; 0 for off; -1 for an error, which
   is described in message, a buffer of size bytes. */
static int
read_switch(const PyConfig *config, char *message, size_t size)
{
    const wchar_t *option = _Py_get_xoption(&config->xoptions,
                                            L"immortal_heap");
    if (option != NULL) {
        const wchar_t *sep = wcschr(option, L'=');
        if (sep == NULL) {
            return 1;
        }
        char value[48];
        size_t i = 0;
        for (sep++; sep[i] && i < sizeof(value) - 1; i++) {
            value[i] = sep[i] >= 32 && sep[i] < 127 ? (char)sep[i] : '?';
        }
        value[i] = '\0';
        int on = parse_switch(value);
        if (on < 0) {
            PyOS_snprintf(message, size, "-X immortal_heap: " VALUE_WANTED,
                          value);
        }
        return on;
    }
    const char *value = _Py_GetEnv(config->use_environment,
                                   "PYTHONIMMORTALHEAP");
    if (value == NULL) {
        return 1;
    }
    int on = parse_switch(value);
    if (on < 0) {
        PyOS_snprintf(message, size, "PYTHONIMMORTALHEAP: " VALUE_WANTED,
                      value);
    }
    return on;
}

PyStatus
_PyImmortalHeap_CheckConfig(const PyConfig *config)
{
    /* A PyStatus does not own its message. */
    static char message[128];
    if (read_switch(config, message, sizeof(message)) < 0) {
        return _PyStatus_ERR(message);
    }
    return _PyStatus_OK();
}

/* Find __main__ and its dictionary, or NULL for what there is not.  Borrowed
   references, without an exception. */
static void
find_main(PyInterpreterState *interp, PyObject *spared[2])
{
    spared[0] = spared[1] = NULL;
    PyObject *modules = interp->modules;
    if (modules == NULL || !PyDict_Check(modules)) {
        return;
    }
    PyObject *module = _PyDict_GetItemStringWithError(modules, "__main__");
    PyErr_Clear();
    if (module != NULL && PyModule_Check(module)) {
        spared[0] = module;
        spared[1] = PyModule_GetDict(module);
    }
}

/* Is op, a global of __main__, a container that start-up did not put there? */
static int
is_own(PyInterpreterState *interp, PyObject *op)
{
    if (_Py_IsImmortal(op) || !_PyObject_IS_GC(op) ||
        !_PyObject_GC_IS_TRACKED(op))
    {
        return 0;
    }
    if (PyModule_Check(op) && PyModule_GetDict(op) == interp->builtins) {
        return 0;
    }
    /* add_main_module() makes it __main__.__loader__. */
    PyObject *importlib = PyModule_GetDict(interp->importlib);
    return op != _PyDict_GetItemStringWithError(importlib, "BuiltinImporter");
}

/* Does __main__ hold something that start-up does not put there?  To find
   out what nothing else holds costs half a collection; usually there is
   nothing to find. */
static int
main_has_own(PyInterpreterState *interp, PyObject *dict)
{
    PyObject *value;
    Py_ssize_t pos = 0;
    if (dict == NULL) {
        return 0;
    }
    while (PyDict_Next(dict, &pos, NULL, &value)) {
        if (is_own(interp, value)) {
            return 1;
        }
    }
    return 0;
}

/* Move what was not found alive from list to kept, untrack tuples as a
   collection does, and restore every _gc_prev.  Returns the number of objects that remain. */
static Py_ssize_t
list_split(PyGC_Head *list, PyGC_Head *kept)
{
    Py_ssize_t n = 0;
    PyGC_Head *last = list, *next;
    for (PyGC_Head *gc = _PyGCHead_NEXT(list); gc != list; gc = next) {
        next = _PyGCHead_NEXT(gc);
        gc->_gc_prev &= ~_PyGC_PREV_MASK_COLLECTING;
        if (!_Py_IsImmortal((PyObject *)(gc + 1))) {
            list_append(gc, kept);
            continue;
        }
        if (_PyMarker_IsAtomicTuple((PyObject *)(gc + 1))) {
            gc->_gc_next = 0;
            gc->_gc_prev &= _PyGC_PREV_MASK_FINALIZED;
            continue;
        }
        _PyGCHead_SET_PREV(gc, last);
        _PyGCHead_SET_NEXT(last, gc);
        last = gc;
        n++;
    }
    _PyGCHead_SET_NEXT(last, list);
    _PyGCHead_SET_PREV(list, last);
    return n;
}

/* One for all interpreters: it lives on when the one ends whose collector came
   across an object of it. */
static PyGC_Head immortals = {(uintptr_t)&immortals, (uintptr_t)&immortals};

/* What other interpreters than the main one see of it. */
static PyGC_Head nothing = {(uintptr_t)&nothing, (uintptr_t)&nothing};

PyGC_Head *
_PyImmortalHeap_List(PyInterpreterState *interp)
{
    return _Py_IsMainInterpreter(interp) ? &immortals : &nothing;
}

void
_PyImmortalHeap_Adopt(PyGC_Head *gc)
{
    list_append(gc, &immortals);
}

static int is_frozen = 0;

void
_PyImmortalHeap_SetFrozen(PyInterpreterState *interp, int frozen)
{
    if (_Py_IsMainInterpreter(interp)) {
        is_frozen = frozen;
    }
}

int
_PyImmortalHeap_IsFrozen(PyInterpreterState *interp)
{
    return is_frozen && _Py_IsMainInterpreter(interp);
}

static int exists = 0;

int
_PyImmortalHeap_Exists(void)
{
    return exists;
}

static int process_ends = 0;

void
_PyImmortalHeap_ProcessEnds(void)
{
    process_ends = 1;
}

int
_PyImmortalHeap_DoesProcessEnd(void)
{
    return process_ends;
}

int
_PyImmortalHeap_LeaveAlone(void)
{
    /* A subinterpreter may end earlier. */
    return exists && process_ends && _Py_IsFinalizing();
}

/* Make all that is alive immortal, and move it to the list of what is.

   root       -- an object whose referents are alive; NULL at start-up, when
                 nobody asks how many there were.
   alive_only -- find out what is alive; otherwise, take it that all is. */
static int
immortalize(PyInterpreterState *interp, PyObject *const spared[2],
            PyObject *root, int alive_only, size_t *filled,
            struct _Py_counter *counter, struct _Py_immortal_heap_stats *stats)
{
    exists = 1;
    struct _gc_runtime_state *gcstate = &interp->gc;
    PyGC_Head *all = &gcstate->generations[NUM_GENERATIONS - 1].head;
    PyGC_Head *young = _PyGCHead_NEXT(&gcstate->generations[0].head);
    PyGC_Head kept;
    list_init(&kept);
    /* From old to young. */
    for (int i = NUM_GENERATIONS - 1; i >= 0; i--) {
        if (i < NUM_GENERATIONS - 1) {
            list_merge(&gcstate->generations[i].head, all);
        }
        gcstate->generations[i].count = 0;
    }
    if (!gcstate->enabled) {
        /* Nothing is seen by a collection then, however old it is. */
        young = NULL;
    }
    if (alive_only) {
        _PyGC_CountExternal(all);
    }
    for (int i = 0; i < 2 && !alive_only; i++) {
        if (spared[i] != NULL && _PyObject_GC_IS_TRACKED(spared[i])) {
            list_remove(_Py_AS_GC(spared[i]));
            list_append(_Py_AS_GC(spared[i]), &kept);
        }
    }
    stats->immortalized = _PyImmortalHeap_Mark(interp, all, young, &kept,
                                               spared, root, alive_only,
                                               filled, counter);
    if (alive_only) {
        stats->frozen = list_split(all, &kept);
    }
    else {
        stats->frozen = root == NULL ? 0 : list_size(all);
    }
    list_merge(all, &immortals);
    list_merge(&kept, all);
    if (stats->immortalized < 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (counter != NULL) {
        _PyCounter_CountList(counter, all, root);
        _PyCounter_KeepOwned(counter);
    }
    return 0;
}

/* As immortalize(), when somebody asks for it. */
static int
extend(PyInterpreterState *interp, PyObject *const spared[2], int alive_only,
       size_t *filled, struct _Py_immortal_heap_stats *stats)
{
    struct _Py_counter counter = {.n = 0};
    int result = immortalize(interp, spared, spared[1], alive_only, filled,
                             _PyFinalize_DeallocatorsWork() ? &counter : NULL,
                             stats);
    _PyCounter_Clear(&counter);
    return result;
}

/* Does the configuration want a start-up call? */
static int
wants_startup_call(const PyConfig *config)
{
    char message[128];
    if (read_switch(config, message, sizeof(message)) <= 0) {
        return 0;
    }
#ifdef Py_REF_DEBUG
    /* Asks for every block to be freed at exit, which an immortal object
       never is. */
    if (config->show_ref_count) {
        return 0;
    }
#endif
    return 1;
}

/* So many containers may be created before the first collection.  The
   standard library's start-up creates less than half of it, and leaves 24
   objects of garbage. */
#define HELD_BACK 20000

static int announced = 0;

void
_PyImmortalHeap_Announce(void)
{
    announced = 1;
}

void
_PyImmortalHeap_HoldCollections(PyInterpreterState *interp)
{
    if (announced && wants_startup_call(&interp->config)) {
        interp->gc.generations[0].count = -HELD_BACK;
    }
    announced = 0;
}

int
_PyGC_ImmortalizeHeap(void)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
    if (!wants_startup_call(_PyInterpreterState_GetConfig(interp))) {
        return 0;
    }
    PyObject *spared[2];
    struct _Py_immortal_heap_stats stats;
    find_main(interp, spared);
    return immortalize(interp, spared, NULL, main_has_own(interp, spared[1]),
                       NULL, NULL, &stats);
}

/* Did finalizers create anything that is still there, or keep alive what was
   going to be collected?

   expected -- how many objects the oldest generation has if not. */
static int
has_more(PyInterpreterState *interp, Py_ssize_t expected)
{
    struct gc_generation *generations = interp->gc.generations;
    for (int i = 0; i < NUM_GENERATIONS - 1; i++) {
        PyGC_Head *list = &generations[i].head;
        if (_PyGCHead_NEXT(list) != list) {
            return 1;
        }
    }
    return list_size(&generations[NUM_GENERATIONS - 1].head) > expected;
}

static int extended = 0;

int
_PyImmortalHeap_WasExtended(void)
{
    return extended;
}

int
_PyImmortalHeap_Extend(PyInterpreterState *interp,
                       Py_ssize_t (*collect)(void *), void *arg,
                       size_t *filled,
                       struct _Py_immortal_heap_stats *stats)
{
    PyObject *spared[2];
    extended = 1;
    find_main(interp, spared);
    is_frozen = 0;
    /* Called by a finalizer that the collector runs, its marks are in use. */
    int alive_only = !interp->gc.collecting;
    if (extend(interp, spared, alive_only, filled, stats) < 0) {
        return -1;
    }
    /* What was not found alive is garbage, __main__, and what stays mortal. */
    Py_ssize_t left =
        list_size(&interp->gc.generations[NUM_GENERATIONS - 1].head);
    stats->collected = collect(arg);
    find_main(interp, spared);
    if (stats->collected > 0 && has_more(interp, left - stats->collected)) {
        struct _Py_immortal_heap_stats more;
        if (extend(interp, spared, alive_only, filled, &more) < 0) {
            return -1;
        }
        stats->frozen += more.frozen;
        stats->immortalized += more.immortalized;
    }
    return 0;
}
