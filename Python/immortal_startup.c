/* The immortal heap: the start-up call, and what switches it off. */

#include "Python.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Find()
#include "pycore_gc_lists.h"      // generation_of()
#include "pycore_immortal.h"      // _Py_IsImmortal()
#include "pycore_immortal_mark.h" // _PyImmortalHeap_Make()
#include "pycore_immortal_port.h" // _PyPort_Importlib()
#include "pycore_immortal_startup.h"
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

/* Was the start-up call made in this process?  What is immortal outlives
   Py_Finalize().  An application that runs Py_RunMain() again and again would
   grow by an interpreter each time, if it were made each time. */
static int made = 0;

/* Is a start-up call wanted, and due? */
static int
wants_startup_call(const PyConfig *config)
{
    char message[128];
    if (made) {
        return 0;
    }
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
    if (announced &&
        wants_startup_call(_PyInterpreterState_GetConfig(interp)))
    {
        generation_of(interp, 0)->count = -HELD_BACK;
    }
    announced = 0;
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
    PyObject *importlib = PyModule_GetDict(_PyPort_Importlib(interp));
    return op != _PyDictWalk_Find(importlib, "BuiltinImporter");
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

void
_PyGC_ImmortalizeHeap(void)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
    if (!wants_startup_call(_PyInterpreterState_GetConfig(interp))) {
        return;
    }
    made = 1;
    PyObject *spared[2];
    struct _Py_immortal_heap_stats stats;
    _PyImmortalHeap_FindMain(interp, spared);
    const struct _Py_marking call = {
        .interp = interp,
        .spared = spared,
        .alive_only = main_has_own(interp, spared[1]),
    };
    if (_PyImmortalHeap_Make(&call, &stats) < 0) {
        PyErr_Clear();
    }
}
