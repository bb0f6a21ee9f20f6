/* The extension: files that a stopped thread is at work with.

   Stock's close() of a buffered file waits for its lock, and ends the process if it
   does not get it while the interpreter finalizes.  So such a file is let be. */

#include "glue.h"
#include "pycore_finalize_steps.h" // _PyFinalize_IsFile()
#include "pycore_immortal_port.h"  // _PyPort_IO_TYPE()
#include "../include/Modules/_io/_iomodule.h"

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

int
glue_find_file_owner(void)
{
    if (owner_at >= 0) {
        return 0;
    }
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

/* Does a stopped thread hold the lock of op, a buffered file? */
static int
is_locked(PyObject *op)
{
    if (!(PyObject_TypeCheck(op, _PyPort_IO_TYPE(BufferedReader)) ||
          PyObject_TypeCheck(op, _PyPort_IO_TYPE(BufferedWriter)) ||
          PyObject_TypeCheck(op, _PyPort_IO_TYPE(BufferedRandom))))
    {
        return 0;
    }
    unsigned long owner = word_at(op, owner_at);
    return owner != 0 && owner != PyThread_get_thread_ident();
}

/* So many files, and their dictionaries, may lie on top of one another. */
#define HEIGHT_MOST 12

/* For tp_traverse: 1, and so the end of the walk, at a file that is locked.  Files
   that are written in Python have one another as attributes, in a dictionary. */
static int
find_locked(PyObject *op, void *arg)
{
    int height = *(int *)arg;
    if (_PyFinalize_IsFile(op)) {
        if (is_locked(op)) {
            return 1;
        }
    }
    else if (!PyDict_CheckExact(op)) {
        return 0;
    }
    traverseproc traverse = Py_TYPE(op)->tp_traverse;
    if (traverse == NULL || height == 0) {
        return 0;
    }
    height--;
    return traverse(op, find_locked, &height);
}

int
glue_is_file_locked(PyObject *op)
{
    int height = HEIGHT_MOST;
    return owner_at >= 0 && _PyFinalize_IsFile(op) && find_locked(op, &height);
}
