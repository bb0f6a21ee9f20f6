/* The extension: the types of the io module, by the names that it has
   for them.  The state of that module is laid out by a header which is
   not installed. */

#include "glue.h"
#include "pycore_immortal_port.h" // _PyImmortal_IOState()
#include "../include/Modules/_io/_iomodule.h"

static struct _io_state types;

static const struct {
    const char *name;
    PyTypeObject **type;
} names[] = {
    {"_IOBase", &types.PyIOBase_Type},
    {"_RawIOBase", &types.PyRawIOBase_Type},
    {"_TextIOBase", &types.PyTextIOBase_Type},
    {"BufferedRWPair", &types.PyBufferedRWPair_Type},
    {"BufferedRandom", &types.PyBufferedRandom_Type},
    {"BufferedReader", &types.PyBufferedReader_Type},
    {"BufferedWriter", &types.PyBufferedWriter_Type},
    {"FileIO", &types.PyFileIO_Type},
    {"TextIOWrapper", &types.PyTextIOWrapper_Type},
};

/* Whether the module's own: a Python program may put another there. */
static int
is_own(PyObject *type)
{
    return PyType_Check(type) &&
        strncmp(((PyTypeObject *)type)->tp_name, "_io.", 4) == 0;
}

int
glue_find_io_types(void)
{
    PyObject *module = PyImport_ImportModule("_io");
    for (size_t i = 0; module != NULL && i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *type = PyObject_GetAttrString(module, names[i].name);
        if (type == NULL || !is_own(type)) {
            if (type != NULL) {
                PyErr_Format(PyExc_RuntimeError,
                             "immortal_heap found _io.%s replaced by %R: call "
                             "immortalize_heap() first", names[i].name, type);
                Py_DECREF(type);
            }
            Py_CLEAR(module);
            break;
        }
        /* Kept for good. */
        Py_XSETREF(*names[i].type, (PyTypeObject *)type);
    }
    Py_XDECREF(module);
    if (module == NULL) {
        return -1;
    }
    return glue_find_file_owner();
}

struct _io_state *
_PyImmortal_IOState(void)
{
    return &types;
}

void
_PyImmortal_ForgetIOState(void)
{
}
