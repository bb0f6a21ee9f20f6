/* Tests of shutdown: objects that do something in their deallocators, which
   is to write a byte, and one that is not to be collected.  Part of
   _testimmortal. */

#ifndef Py_BUILD_CORE_BUILTIN
#  define Py_BUILD_CORE_MODULE 1
#endif

#include "Python.h"
#include "structmember.h"         // PyMemberDef

#ifdef HAVE_UNISTD_H
#  include <unistd.h>             // write()
#endif

typedef struct {
    PyObject_HEAD
    int fd;
    char byte;
    PyObject *held;               /* may be NULL */
} WriterObject;

static void
write_byte(int fd, char byte)
{
    if (write(fd, &byte, 1) != 1) {
        Py_FatalError("_testimmortal: cannot write from a deallocator");
    }
}

/* Write what op is just now. */
static void
write_repr(int fd, PyObject *op)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *repr = PyObject_Repr(op);
    const char *text = repr == NULL ? NULL : PyUnicode_AsUTF8(repr);
    for (; text != NULL && *text != '\0'; text++) {
        write_byte(fd, *text);
    }
    Py_XDECREF(repr);
    PyErr_Restore(type, value, traceback);
}

static PyObject *
writer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    int fd;
    char byte;
    PyObject *held = NULL;
    if (!PyArg_ParseTuple(args, "ic|O", &fd, &byte, &held)) {
        return NULL;
    }
    WriterObject *self = (WriterObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->fd = fd;
        self->byte = byte;
        self->held = Py_XNewRef(held);
    }
    return (PyObject *)self;
}

static void
writer_dealloc(WriterObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (PyType_IS_GC(type)) {
        PyObject_GC_UnTrack(self);
    }
    write_byte(self->fd, self->byte);
    if (!PyType_IS_GC(type) && self->held != NULL) {
        write_repr(self->fd, self->held);
    }
    self->byte = '-';
    Py_CLEAR(self->held);
    type->tp_free(self);
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
        Py_DECREF(type);
    }
}

static int
writer_traverse(WriterObject *self, visitproc visit, void *arg)
{
    if (Py_TYPE(self)->tp_flags & Py_TPFLAGS_HEAPTYPE) {
        Py_VISIT(Py_TYPE(self));
    }
    Py_VISIT(self->held);
    return 0;
}

static int
writer_clear(WriterObject *self)
{
    Py_CLEAR(self->held);
    return 0;
}

static int
busy_is_gc(PyObject *self)
{
    return 0;
}

static PyMemberDef writer_members[] = {
    {"held", T_OBJECT, offsetof(WriterObject, held), 0,
     PyDoc_STR("the third argument, or None")},
    {NULL}
};

PyDoc_STRVAR(writer_doc,
"Writer(fd, byte, held=None, /)\n\n"
"Writes byte to the file descriptor fd when it is deallocated, as a stream\n"
"of C++ does with what is in its buffer.");

PyDoc_STRVAR(plain_writer_doc,
"PlainWriter(fd, byte, held=None, /)\n\n"
"The same, and the collector knows nothing of it.  What held is, as repr()\n"
"has it, is written after byte.");

PyDoc_STRVAR(busy_doc,
"Busy(fd, byte, held=None, /)\n\n"
"The same, and its tp_is_gc says that it is not to be collected, as that of\n"
"a suspended greenlet: what it holds is not seen.");

static PyType_Slot writer_slots[] = {
    {Py_tp_doc, (void *)writer_doc},
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_dealloc},
    {Py_tp_traverse, writer_traverse},
    {Py_tp_clear, writer_clear},
    {Py_tp_members, writer_members},
    {0, NULL}
};

static PyType_Spec writer_spec = {
    .name = "_testimmortal.Writer",
    .basicsize = sizeof(WriterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = writer_slots,
};

static PyTypeObject PlainWriterType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_testimmortal.PlainWriter",
    .tp_doc = plain_writer_doc,
    .tp_basicsize = sizeof(WriterObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = writer_new,
    .tp_dealloc = (destructor)writer_dealloc,
};

static PyTypeObject BusyType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_testimmortal.Busy",
    .tp_doc = busy_doc,
    .tp_basicsize = sizeof(WriterObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = writer_new,
    .tp_dealloc = (destructor)writer_dealloc,
    .tp_traverse = (traverseproc)writer_traverse,
    .tp_clear = (inquiry)writer_clear,
    .tp_is_gc = busy_is_gc,
};

/* As an array needs its data type. */
static void
reading_dealloc(WriterObject *self)
{
    write_byte(self->fd, self->byte);
    write_byte(self->fd, ((WriterObject *)self->held)->byte);
    Py_CLEAR(self->held);
    Py_TYPE(self)->tp_free(self);
}

/* Objects whose memory the interpreter does not get back. */

static PyObject *pool[16];          /* of what was deallocated */
static Py_ssize_t n_pool = 0;

static void
write_and_clear(WriterObject *self)
{
    PyObject_GC_UnTrack(self);
    write_byte(self->fd, self->byte);
    Py_CLEAR(self->held);
}

static void
pooled_dealloc(WriterObject *self)
{
    write_and_clear(self);
    if (n_pool == (Py_ssize_t)Py_ARRAY_LENGTH(pool)) {
        Py_FatalError("_testimmortal: deallocated again and again");
    }
    pool[n_pool++] = (PyObject *)self;
}

static void
linked_dealloc(WriterObject *self)
{
    static WriterObject *last = NULL;
    write_and_clear(self);
    *(WriterObject **)self = last;
    last = self;
}

static PyObject *
malloced_alloc(PyTypeObject *type, Py_ssize_t Py_UNUSED(n))
{
    PyObject *self = calloc(1, type->tp_basicsize);
    return self == NULL ? PyErr_NoMemory() : PyObject_Init(self, type);
}

static void
freeing_free(void *self)
{
    memset(self, 0xdb, sizeof(WriterObject));
    free(self);
}

/* tp_free is the inherited one, and not asked. */
static void
malloced_dealloc(WriterObject *self)
{
    write_byte(self->fd, self->byte);
    Py_CLEAR(self->held);
    freeing_free(self);
}

PyDoc_STRVAR(reading_doc,
"ReadingWriter(fd, byte, held, /)\n\n"
"The same, and the collector knows nothing of it.  Writes the byte of held,\n"
"a Writer, as well: a minus sign if that was deallocated before.");

PyDoc_STRVAR(pooled_doc,
"PooledWriter(fd, byte, held=None, /)\n\n"
"Writes byte to fd when it is deallocated, and waits in a pool then.");

PyDoc_STRVAR(linked_doc,
"LinkedWriter(fd, byte, held=None, /)\n\n"
"The same, in a list whose links are where the counts were.");

PyDoc_STRVAR(malloced_doc,
"MallocedWriter(fd, byte, held=None, /)\n\n"
"The same, not of the collector, and in memory of malloc()'s.");

PyDoc_STRVAR(freeing_doc,
"FreeingWriter(fd, byte, held=None, /)\n\n"
"The same, and it is its tp_free that gives the memory back.");

#define WRITER(NAME, DOC, DEALLOC, FLAGS, ...)                      \
    static PyTypeObject NAME ## Type = {                            \
        PyVarObject_HEAD_INIT(NULL, 0)                              \
        .tp_name = "_testimmortal." #NAME "Writer",                 \
        .tp_doc = DOC,                                              \
        .tp_basicsize = sizeof(WriterObject),                       \
        .tp_flags = Py_TPFLAGS_DEFAULT | (FLAGS),                   \
        .tp_new = writer_new,                                       \
        .tp_dealloc = (destructor)DEALLOC,                          \
        __VA_ARGS__                                                 \
    }
#define COLLECTED                                                   \
    .tp_traverse = (traverseproc)writer_traverse,                   \
    .tp_clear = (inquiry)writer_clear

WRITER(Reading, reading_doc, reading_dealloc, 0,
       .tp_alloc = PyType_GenericAlloc);
WRITER(Pooled, pooled_doc, pooled_dealloc, Py_TPFLAGS_HAVE_GC, COLLECTED);
WRITER(Linked, linked_doc, linked_dealloc, Py_TPFLAGS_HAVE_GC, COLLECTED);
WRITER(Malloced, malloced_doc, malloced_dealloc, 0,
       .tp_alloc = malloced_alloc);
WRITER(Freeing, freeing_doc, writer_dealloc, 0,
       .tp_alloc = malloced_alloc, .tp_free = freeing_free);

/* As pybind11 keeps for a function, with its definition. */
typedef struct {
    WriterObject writer;
    PyMethodDef def;
} RecordObject;

static PyObject *
record_call(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    write_byte(((WriterObject *)self)->fd, 'f');
    Py_RETURN_NONE;
}

static PyObject *
record_gone(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    Py_FatalError("_testimmortal: the function's definition is gone");
}

static void
record_dealloc(RecordObject *self)
{
    write_byte(self->writer.fd, self->writer.byte);
    self->def.ml_meth = record_gone;
    Py_TYPE(self)->tp_free(self);
}

PyDoc_STRVAR(recorded_function_doc,
"recorded_function(fd, byte, /) -> function\n\n"
"Writes an f to the file descriptor fd when it is called.  Its __self__\n"
"writes byte when it is deallocated, and the function's definition is gone\n"
"then.");

static PyTypeObject RecordType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_testimmortal.Record",
    .tp_basicsize = sizeof(RecordObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = writer_new,
    .tp_dealloc = (destructor)record_dealloc,
};

static PyObject *
recorded_function(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *self = writer_new(&RecordType, args, NULL);
    if (self == NULL) {
        return NULL;
    }
    PyMethodDef *def = &((RecordObject *)self)->def;
    *def = (PyMethodDef){"recorded", record_call, METH_NOARGS, NULL};
    PyObject *function = PyCFunction_New(def, self);
    Py_DECREF(self);
    return function;
}

#define CAPSULE "_testimmortal.writer"

static void
capsule_destructor(PyObject *capsule)
{
    char *what = PyCapsule_GetPointer(capsule, CAPSULE);
    write_byte((unsigned char)what[0], what[1]);
    PyMem_RawFree(what);
}

PyDoc_STRVAR(writer_capsule_doc,
"writer_capsule(fd, byte, /) -> capsule\n\n"
"Its destructor writes byte to the file descriptor fd, of 255 at most.");

static PyObject *
writer_capsule(PyObject *self, PyObject *args)
{
    unsigned char fd;
    char byte;
    if (!PyArg_ParseTuple(args, "bc", &fd, &byte)) {
        return NULL;
    }
    char *what = PyMem_RawMalloc(2);
    if (what == NULL) {
        return PyErr_NoMemory();
    }
    what[0] = (char)fd;
    what[1] = byte;
    PyObject *capsule = PyCapsule_New(what, CAPSULE, capsule_destructor);
    if (capsule == NULL) {
        PyMem_RawFree(what);
    }
    return capsule;
}

static PyMethodDef exit_methods[] = {
    {"writer_capsule", writer_capsule, METH_VARARGS, writer_capsule_doc},
    {"recorded_function", recorded_function, METH_VARARGS,
     recorded_function_doc},
    {NULL, NULL, 0, NULL}
};

/* Add all of this to the module; 0, or -1 with an exception set. */
int
_testimmortal_add_exit(PyObject *module)
{
    if (PyModule_AddFunctions(module, exit_methods) < 0 ||
        PyModule_AddType(module, &PlainWriterType) < 0 ||
        PyModule_AddType(module, &BusyType) < 0 ||
        PyModule_AddType(module, &ReadingType) < 0 ||
        PyModule_AddType(module, &PooledType) < 0 ||
        PyModule_AddType(module, &LinkedType) < 0 ||
        PyModule_AddType(module, &MallocedType) < 0 ||
        PyModule_AddType(module, &FreeingType) < 0 ||
        PyType_Ready(&RecordType) < 0)
    {
        return -1;
    }
    PyObject *type = PyType_FromModuleAndSpec(module, &writer_spec, NULL);
    if (type == NULL) {
        return -1;
    }
    int err = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return err;
}
