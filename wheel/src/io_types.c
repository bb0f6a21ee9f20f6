/* The extension: the types of the io module, by the names that it has for them.  The
   state of that module is laid out by a header which is not installed. */

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

/* Whether the module's own: a program may put something else there, in Python. */
static int
is_own(PyObject *type)
{
    return PyType_Check(type) &&
        strncmp(((PyTypeObject *)type)->tp_name, "_io.", 4) == 0;
}

/* Where a buffered file has the number of the thread that holds its lock, and 0 when
   none does: bytes from its beginning.  No header says it; -1 until it was found. */
static Py_ssize_t owner_at = -1;

static unsigned long
word_at(PyObject *op, Py_ssize_t at)
{
    unsigned long word;
    memcpy(&word, (char *)op + at, sizeof(word));
    return word;
}

/* Called while op is being read from by this thread: find the one word that is its
   number, and leave owner_at at -1 if there are several. */
static PyObject *
look(PyObject *Py_UNUSED(self), PyObject *op)
{
    unsigned long me = PyThread_get_thread_ident();
    Py_ssize_t found = -1, n = 0, size = Py_TYPE(op)->tp_basicsize;
    Py_ssize_t at = sizeof(PyObject);
    for (; at + (Py_ssize_t)sizeof(me) <= size; at += sizeof(me)) {
        if (word_at(op, at) == me) {
            found = at;
            n++;
        }
    }
    owner_at = n == 1 ? found : -1;
    Py_RETURN_NONE;
}

static PyMethodDef look_method = {"look", look, METH_O, NULL};

static const char READ[] =
    "import _io\n"
    "class Raw(_io._RawIOBase):\n"
    "    def readable(self): return True\n"
    "    def readinto(self, buffer, look=look):\n"
    "        look(reader)\n"
    "        return 0\n"
    "reader = _io.BufferedReader(Raw())\n"
    "reader.read(1)\n";

static int
find_owner(void)
{
    PyObject *globals = PyDict_New();
    PyObject *function = PyCFunction_New(&look_method, NULL);
    PyObject *result = NULL, *reader = NULL;
    if (globals != NULL && function != NULL &&
        PyDict_SetItemString(globals, "__name__", Py_None) == 0 &&
        PyDict_SetItemString(globals, "look", function) == 0)
    {
        result = PyRun_String(READ, Py_file_input, globals, globals);
    }
    if (result != NULL) {
        reader = PyDict_GetItemString(globals, "reader");
        if (reader != NULL && owner_at > 0 && word_at(reader, owner_at) != 0) {
            owner_at = -1;
        }
        if (owner_at < 0) {
            PyErr_SetString(PyExc_RuntimeError,
                            "immortal_heap cannot tell whether a file is locked: "
                            "its structure is not as expected");
            Py_CLEAR(result);
        }
        /* The class refers to it, and it to the class. */
        PyDict_Clear(globals);
    }
    Py_XDECREF(globals);
    Py_XDECREF(function);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

int
glue_is_file_locked(PyObject *op)
{
    if (owner_at < 0 || !(PyObject_TypeCheck(op, types.PyBufferedReader_Type) ||
                          PyObject_TypeCheck(op, types.PyBufferedWriter_Type) ||
                          PyObject_TypeCheck(op, types.PyBufferedRandom_Type)))
    {
        return 0;
    }
    unsigned long owner = word_at(op, owner_at);
    return owner != 0 && owner != PyThread_get_thread_ident();
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
    return owner_at >= 0 ? 0 : find_owner();
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
