/* Finalization at shutdown: what is different about files.

   A text file writes to a buffered one, and that to a raw one, when it is
   closed.  So they have to be closed in this order, also if references lead
   from the raw file back to the text file. */

#include "Python.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Find()
#include "pycore_fileutils.h"     // _Py_fstat_noraise()
#include "pycore_finalize_steps.h"
#include "pycore_immortal_port.h" // _PyPort_IO_TYPE()
#include "pycore_interp.h"
#include "pycore_object.h"
#include "pycore_pystate.h"       // _Py_IsMainInterpreter()
#include "../Modules/_io/_iomodule.h"

static int
is_buffer(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    return type == _PyPort_IO_TYPE(BufferedReader) ||
        type == _PyPort_IO_TYPE(BufferedWriter) ||
        type == _PyPort_IO_TYPE(BufferedRandom) ||
        type == _PyPort_IO_TYPE(BufferedRWPair);
}

PyObject *
_PyFinalize_FileAttributes(PyObject *op)
{
    if (_PyFinalize_IsPlainFile(op) &&
        (Py_IS_TYPE(op, _PyPort_IO_TYPE(TextIOWrapper)) || is_buffer(op) ||
         PyObject_TypeCheck(op, _PyPort_IO_TYPE(FileIO))))
    {
        PyObject **dict = _PyObject_GetDictPtr(op);
        return dict == NULL ? NULL : *dict;
    }
    return NULL;
}

int
_PyFinalize_IsPlainFile(PyObject *op)
{
    /* Inherited, unless a class defines __del__. */
    return Py_TYPE(op)->tp_finalize == _PyPort_IO_TYPE(IOBase)->tp_finalize;
}

int
_PyFinalize_IsFile(PyObject *op)
{
    return PyObject_TypeCheck(op, _PyPort_IO_TYPE(IOBase));
}

int
_PyFinalize_FileHeight(PyObject *op)
{
    if (PyObject_TypeCheck(op, _PyPort_IO_TYPE(RawIOBase))) {
        return 0;
    }
    if (PyObject_TypeCheck(op, _PyPort_IO_TYPE(TextIOBase))) {
        return _Py_FILE_HEIGHT;
    }
    return is_buffer(op) ? 1 : 2;
}

int
_PyFinalize_IsClosed(PyObject *op)
{
    PyObject *value = PyObject_GetAttr(op, &_Py_ID(closed));
    int closed = -2;
    if (value != NULL) {
        int truth = PyObject_IsTrue(value);
        closed = truth < 0 ? -2 : truth;
    }
    else if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
        closed = -1;
    }
    Py_XDECREF(value);
    PyErr_Clear();
    return closed;
}

/* Can what sys.stdout or sys.stderr is bound to, NULL if it is not, take what
   is printed?  As far as it says so itself: nothing is written to find out. */
static int
takes_text(PyObject *op)
{
    if (op == NULL || op == Py_None) {
        return 0;
    }
    int closed = _PyFinalize_IsClosed(op);
    return closed == 0 || closed == -1;
}

/* Is its file descriptor, if op has one, still open?  A daemon's is not: what
   is printed there could not be flushed, and the exit status would say so. */
static int
has_open_descriptor(PyObject *op)
{
    struct _Py_stat_struct status;
    int fd = PyObject_AsFileDescriptor(op);
    PyErr_Clear();
    return fd < 0 || _Py_fstat_noraise(fd, &status) == 0;
}

static const char *const stream_names[2][2] = {
    {"stdout", "__stdout__"}, {"stderr", "__stderr__"},
};

/* Had the main interpreter's program bound sys.stdout, or sys.stderr, to
   anything but the interpreter's own stream when finalization began? */
static int replaced[2];

void
_PyFinalize_NoteStreams(PyInterpreterState *interp)
{
    if (!_Py_IsMainInterpreter(interp)) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        const char *const *names = stream_names[i];
        replaced[i] = _PyDictWalk_Find(interp->sysdict, names[0]) !=
            _PyDictWalk_Find(interp->sysdict, names[1]);
    }
}

static void
restore_stream(PyObject *dict, const char *name, const char *original_name)
{
    /* To look for closed may run code of the user's. */
    PyObject *stream = Py_XNewRef(_PyDictWalk_Find(dict, name));
    PyObject *original = Py_XNewRef(_PyDictWalk_Find(dict, original_name));
    if (!takes_text(stream) && takes_text(original) &&
        has_open_descriptor(original) &&
        PyDict_SetItemString(dict, name, original) < 0)
    {
        PyErr_Clear();
    }
    Py_XDECREF(original);
    Py_XDECREF(stream);
}

void
_PyFinalize_RestoreStreams(PyInterpreterState *interp)
{
    for (int i = 0; i < 2; i++) {
        restore_stream(interp->sysdict, stream_names[i][0],
                       stream_names[i][1]);
    }
}

int
_PyFinalize_IsReplaced(PyObject *stream)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
    if (!_Py_IsMainInterpreter(interp) || interp->sysdict == NULL ||
        !(_PyFinalize_IsRunning() || _PyPort_Modules(interp) == NULL))
    {
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        if (replaced[i] && stream == _PyDictWalk_Find(interp->sysdict,
                                                      stream_names[i][1]))
        {
            return 1;
        }
    }
    return 0;
}

static void
add_stream(_Py_finalize_streams *streams, PyObject *op)
{
    if (op != NULL) {
        assert(streams->n < (int)Py_ARRAY_LENGTH(streams->files));
        streams->files[streams->n++] = op;
    }
}

/* Needs no memory: without it, the interpreter's own streams would be taken
   for others, and closed. */
static void
find_streams(PyInterpreterState *interp, _Py_finalize_streams *streams)
{
    static const char *const names[] = {
        "__stdin__", "__stdout__", "__stderr__",
    };
    streams->known = 1;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *file = _PyDictWalk_Find(interp->sysdict, names[i]);
        add_stream(streams, file);
        if (file == NULL ||
            !Py_IS_TYPE(file, _PyPort_IO_TYPE(TextIOWrapper)))
        {
            continue;
        }
        PyObject *buffer = PyObject_GetAttr(file, &_Py_ID(buffer));
        /* Anything else has no raw stream, or one that code of its own must
           be run to get. */
        PyObject *raw = buffer && is_buffer(buffer) ?
            PyObject_GetAttr(buffer, &_Py_ID(raw)) : NULL;
        Py_XDECREF(buffer);
        Py_XDECREF(raw);
        PyErr_Clear();
        add_stream(streams, buffer);
        add_stream(streams, raw);
    }
}

int
_PyFinalize_IsInterpretersStream(PyInterpreterState *interp,
                                 _Py_finalize_streams *streams, PyObject *op)
{
    if (!_PyFinalize_IsPlainFile(op)) {
        return 0;
    }
    if (!streams->known) {
        find_streams(interp, streams);
    }
    for (int i = 0; i < streams->n; i++) {
        if (streams->files[i] == op) {
            return 1;
        }
    }
    return 0;
}
