/* The extension: files that a stopped thread is at work with.

   Stock's close() of a buffered file waits for its lock, and ends the process
   if it does not get it while the interpreter finalizes.  So such a file is
   let be. */

#include "glue.h"
#include "pycore_addrset.h"        // _Py_addrset
#include "pycore_finalize_steps.h" // _PyFinalize_IsFile()
#include "pycore_immortal_port.h"  // _PyPort_IO_TYPE()
#include "pycore_objlist.h"        // _Py_walk_stack
#include "pycore_object.h"         // _PyObject_GetManagedDict()
#include "../include/Modules/_io/_iomodule.h"

/* Where a buffered file has the number of the thread that holds its lock, and
   0 when none does: bytes from its beginning.  No header says it; -1 until it
   was found. */
static Py_ssize_t owner_at = -1;

static unsigned long
word_at(PyObject *op, Py_ssize_t at)
{
    unsigned long word;
    memcpy(&word, (char *)op + at, sizeof(word));
    return word;
}

/* Called while op is being read from by this thread: find the one word that is
   its number, and leave owner_at at -1 if there are several. */
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
                            "immortal_heap cannot tell whether a file is "
                            "locked: its structure is not as expected");
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

/* A walk from a file to those that it may need in order to be closed. */
struct walk {
    _Py_walk_stack stack;
    _Py_addrset seen;
    PyObject *attributes;   /* of the file that is looked at */
    int no_memory;
};

/* A file that is implemented in C has what it needs in its structure;
   attributes, such as f.owner = ..., are not needed. */
static PyObject *
attributes_of(PyObject *op)
{
    if (_PyFinalize_FileAttributes(op) != NULL) {
        return NULL;
    }
    if (Py_TYPE(op)->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        return (PyObject *)_PyObject_GetManagedDict(op);    /* if it has one */
    }
    PyObject **dict = _PyObject_GetDictPtr(op);
    return dict == NULL ? NULL : *dict;
}

static void
push_file(PyObject *op, struct walk *w)
{
    if (_PyFinalize_IsFile(op)) {
        int added = _Py_addrset_add(&w->seen, op);
        if (added < 0 ||
            (added > 0 && _Py_walk_stack_push(&w->stack, op, 0) < 0))
        {
            w->no_memory = 1;
        }
    }
}

/* For tp_traverse.  Files that are written in Python have one another as
   attributes. */
static int
visit(PyObject *op, void *arg)
{
    struct walk *w = arg;
    push_file(op, w);
    if (op == w->attributes && PyDict_CheckExact(op)) {
        PyObject *value;
        Py_ssize_t pos = 0;
        while (PyDict_Next(op, &pos, NULL, &value)) {
            push_file(value, w);
        }
    }
    return 0;
}

int
glue_is_file_locked(PyObject *op)
{
    if (owner_at < 0 || !_PyFinalize_IsFile(op)) {
        return 0;
    }
    struct walk w = {.no_memory = 0};
    int locked = 0;
    push_file(op, &w);
    while (w.stack.size > 0 && !locked && !w.no_memory) {
        PyObject *file = (PyObject *)w.stack.entries[--w.stack.size];
        traverseproc traverse = Py_TYPE(file)->tp_traverse;
        locked = is_locked(file);
        if (traverse != NULL) {
            w.attributes = attributes_of(file);
            (void)traverse(file, visit, &w);
        }
    }
    PyMem_RawFree(w.stack.entries);
    _Py_addrset_clear(&w.seen);
    return locked;
}
