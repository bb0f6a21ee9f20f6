/* Types that do their work in their deallocator, and only there: no tp_finalize, no close().
   Each object appends a line with the number of bytes it was given to its file. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    PyObject_HEAD
    char *path;
    PyObject *held;
    Py_ssize_t bytes;
} Writer;

static PyObject *
writer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const char *name;
    PyObject *held = NULL;
    char here[4096], *path;
    if (!PyArg_ParseTuple(args, "s|O", &name, &held)) {
        return NULL;
    }
    if (getcwd(here, sizeof(here)) == NULL) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    path = malloc(strlen(here) + strlen(name) + 2);
    if (path == NULL) {
        return PyErr_NoMemory();
    }
    sprintf(path, "%s/%s", here, name);
    Writer *self = (Writer *)type->tp_alloc(type, 0);
    if (self == NULL) {
        free(path);
        return NULL;
    }
    self->path = path;
    self->held = Py_XNewRef(held);
    return (PyObject *)self;
}

static void
release(Writer *self)
{
    char line[32];
    int fd = open(self->path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    int length = snprintf(line, sizeof(line), "%zd\n", self->bytes);
    if (fd < 0 || write(fd, line, length) != length) {
        perror(self->path);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(self->path);
    Py_CLEAR(self->held);
}

static void
heap_dealloc(Writer *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (PyType_IS_GC(type)) {
        PyObject_GC_UnTrack(self);
    }
    release(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static void
static_dealloc(Writer *self)
{
    release(self);
    Py_TYPE(self)->tp_free(self);
}

static int
writer_traverse(Writer *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->held);
    return 0;
}

static int
writer_clear(Writer *self)
{
    Py_CLEAR(self->held);
    return 0;
}

static PyObject *
writer_write(Writer *self, PyObject *arg)
{
    Py_buffer view;
    if (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    self->bytes += view.len;
    PyBuffer_Release(&view);
    return Py_NewRef((PyObject *)self);
}

static PyMethodDef writer_methods[] = {
    {"write", (PyCFunction)writer_write, METH_O, "Count these bytes; returns the writer."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot plain_slots[] = {
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, heap_dealloc},
    {Py_tp_methods, writer_methods},
    {0, NULL},
};

static PyType_Spec plain_spec = {
    "fzext.Plain", sizeof(Writer), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, plain_slots,
};

static PyType_Slot tracked_slots[] = {
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, heap_dealloc},
    {Py_tp_traverse, writer_traverse},
    {Py_tp_clear, writer_clear},
    {Py_tp_methods, writer_methods},
    {0, NULL},
};

static PyType_Spec tracked_spec = {
    "fzext.Tracked", sizeof(Writer), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, tracked_slots,
};

static PyTypeObject StaticType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "fzext.Static",
    .tp_basicsize = sizeof(Writer),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = writer_new,
    .tp_dealloc = (destructor)static_dealloc,
    .tp_methods = writer_methods,
};

static int
execute(PyObject *module)
{
    PyType_Spec *specs[] = {&plain_spec, &tracked_spec};
    for (int i = 0; i < 2; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        if (type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0) {
            return -1;
        }
        Py_DECREF(type);
    }
    return PyModule_AddType(module, &StaticType);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "fzext",
    .m_size = 0,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_fzext(void)
{
    return PyModuleDef_Init(&definition);
}
