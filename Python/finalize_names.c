/* Finalization at shutdown: what the code of finalizers names.

   A function refers to all globals of its module, and the walk does not go
   there (finalize_order.c).  But what a finalizer uses must not be finalized
   before it.  So the globals that its code names are looked up, and those of
   the functions that it calls: functions that it names, and methods of its
   own class, of other classes, and of objects that it names.  A name in code
   may be a global's or an attribute's; it is taken for both.

   This is a guess, made once for each class, or each generator's code.  It is
   bounded, so that the order is found in time; and of the standard library
   nothing is looked up but what a user's class inherits.

   Nothing is called, and nothing is written to but memory of its own. */

#include "Python.h"
#include "pycore_dict_walks.h"    // _PyDictWalk_Index()
#include "pycore_finalize_names.h"
#include "pycore_immortal_port.h" // _PyPort_SuspendedFrame()
#include "pycore_interp.h"
#include "pycore_moduleobject.h"  // PyModuleObject
#include "pycore_object.h"        // _PyObject_IS_GC()
#include "pycore_unicodeobject.h" // _PyUnicode_EqualToASCIIString()

/* Of one finalizer. */
#define MAX_FUNCTIONS 64
#define MAX_VALUES 256
#define MAX_LOOKUPS 20000
/* Of one function. */
#define MAX_OWNERS 16
#define MAX_NESTED 8
/* Of one value. */
#define MAX_REFERENTS 100

struct job {
    PyFunctionObject *function;
    PyTypeObject *self;     /* whose method it may be, or NULL */
};

struct value {
    PyObject *object;
    uint64_t place;         /* what is finalized first has the lowest */
};

struct search {
    struct _Py_finalize_walk *w;
    PyTypeObject *type;     /* whose finalizer it is, or NULL */
    int lookups;
    struct job jobs[MAX_FUNCTIONS];
    int n_jobs;
    const struct job *job;          /* the one at hand */
    PyObject *owners[MAX_OWNERS];   /* classes and modules that it names */
    int n_owners;
    int super;              /* does it name super()? */
    struct value values[MAX_VALUES];
    int n_values;
    int n_referents;
    int in_attributes;
};

/* Places of what is no global. */
#define ATTRIBUTES ((uint64_t)1 << 48)

static int
is_stdlib(struct search *s, PyObject *globals)
{
    return _Py_addrset_has(&s->w->names.stdlib, globals);
}

/* What dict has under name, borrowed, or NULL.  *index says where. */
static PyObject *
look_up(struct search *s, PyObject *dict, PyObject *name, Py_ssize_t *index)
{
    if (dict == NULL || !PyDict_Check(dict) || !PyUnicode_CheckExact(name) ||
        s->lookups >= MAX_LOOKUPS)
    {
        return NULL;
    }
    s->lookups++;
    return _PyDictWalk_Index((PyDictObject *)dict, name, index);
}

/* What type, or the base of it that is the first from *i on, has under name:
   *i is the next one then. */
static PyObject *
look_up_on_type(struct search *s, PyTypeObject *type, PyObject *name,
                Py_ssize_t *i)
{
    PyObject *mro = type->tp_mro;
    while (mro != NULL && *i < PyTuple_GET_SIZE(mro)) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, *i);
        Py_ssize_t index;
        PyObject *value = NULL;
        ++*i;
        if (PyType_HasFeature(base, Py_TPFLAGS_HEAPTYPE)) {
            value = look_up(s, base->tp_dict, name, &index);
        }
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}

static void
add_value(struct search *s, PyObject *op, uint64_t place)
{
    for (int i = 0; i < s->n_values; i++) {
        if (s->values[i].object == op) {
            return;
        }
    }
    if (s->n_values < MAX_VALUES) {
        s->values[s->n_values++] = (struct value){op, place};
    }
}

/* self -- NULL if it is not known to be a method. */
static void
add_function(struct search *s, PyObject *function, PyTypeObject *self)
{
    if (PyMethod_Check(function)) {
        self = Py_TYPE(PyMethod_GET_SELF(function));
        function = PyMethod_GET_FUNCTION(function);
    }
    if (!PyFunction_Check(function)) {
        return;
    }
    /* One that gets an object is most often given the finalizer's own. */
    self = self == NULL ? s->type : self;
    if (self != s->type && is_stdlib(s, PyFunction_GET_GLOBALS(function))) {
        return;
    }
    for (int i = 0; i < s->n_jobs; i++) {
        if ((PyObject *)s->jobs[i].function == function &&
            s->jobs[i].self == self)
        {
            return;
        }
    }
    if (s->n_jobs < MAX_FUNCTIONS) {
        s->jobs[s->n_jobs++] =
            (struct job){(PyFunctionObject *)function, self};
    }
}

static void
add_owner(struct search *s, PyObject *op)
{
    if (PyType_Check(op) &&
        !PyType_HasFeature((PyTypeObject *)op, Py_TPFLAGS_HEAPTYPE))
    {
        return;
    }
    for (int i = 0; i < s->n_owners; i++) {
        if (s->owners[i] == op) {
            return;
        }
    }
    if (s->n_owners < MAX_OWNERS) {
        s->owners[s->n_owners++] = op;
    }
}

/* A suspended generator may give up what it made when it is closed. */
static void
add_holders(struct search *s, PyObject *op)
{
    Py_ssize_t n;
    const _Py_finalize_holder *holder =
        _PyFinalize_FindHolders(&s->w->names, op, &n);
    for (; n > 0 && s->n_values < MAX_VALUES; n--, holder++) {
        add_value(s, holder->generator, ATTRIBUTES);
    }
}

/* What functools.partial(), property() and others call is a function, too.
   The attributes of an object may be in a dictionary. */
static int
look_at_referent(PyObject *op, void *arg)
{
    struct search *s = arg;
    if (++s->n_referents > MAX_REFERENTS) {
        return 1;
    }
    add_function(s, op, NULL);
    add_holders(s, op);
    if (PyDict_CheckExact(op) && !s->in_attributes) {
        s->in_attributes = 1;
        (void)Py_TYPE(op)->tp_traverse(op, look_at_referent, s);
        s->in_attributes = 0;
    }
    return 0;
}

/* A name led to op: a global, or an attribute of self or of a module. */
static void
take(struct search *s, PyObject *op, PyTypeObject *self, uint64_t place)
{
    if (PyModule_Check(op)) {
        PyObject *dict = ((PyModuleObject *)op)->md_dict;
        if (dict != NULL && !is_stdlib(s, dict)) {
            add_owner(s, op);
        }
    }
    else if (PyType_Check(op)) {
        add_owner(s, op);
    }
    else if (PyFunction_Check(op) || PyMethod_Check(op)) {
        add_function(s, op, self);
        add_value(s, op, place);
    }
    else if (_PyObject_IS_GC(op) || Py_TYPE(op)->tp_finalize != NULL) {
        add_value(s, op, place);
        add_holders(s, op);
        add_owner(s, (PyObject *)Py_TYPE(op));
        if (_PyFinalize_CanExpand(op)) {
            s->n_referents = 0;
            (void)Py_TYPE(op)->tp_traverse(op, look_at_referent, s);
        }
    }
}

/* A global's place is that in which the walk comes to its module's. */
static void
look_in_globals(struct search *s, PyObject *globals, PyObject *name)
{
    Py_ssize_t index;
    PyObject *value = look_up(s, globals, name, &index);
    if (value == NULL && PyUnicode_CheckExact(name)) {
        /* It may import a module. */
        value = look_up(s, _PyPort_Modules(s->w->interp), name, &index);
        s->super |= _PyUnicode_EqualToASCIIString(name, "super");
    }
    if (value != NULL) {
        int underscore = PyUnicode_GET_LENGTH(name) > 0 &&
            PyUnicode_READ_CHAR(name, 0) == '_';
        take(s, value, NULL, index + (underscore ? 0 : ATTRIBUTES / 2));
    }
}

/* C code of a class tells nothing, and would lead to the class. */
static int
is_descriptor(PyObject *op)
{
    return Py_IS_TYPE(op, &PyMethodDescr_Type) ||
        Py_IS_TYPE(op, &PyMemberDescr_Type) ||
        Py_IS_TYPE(op, &PyGetSetDescr_Type) ||
        Py_IS_TYPE(op, &PyWrapperDescr_Type) ||
        Py_IS_TYPE(op, &PyClassMethodDescr_Type);
}

static void
look_in_owner(struct search *s, PyObject *owner, PyObject *name)
{
    if (PyModule_Check(owner)) {
        look_in_globals(s, ((PyModuleObject *)owner)->md_dict, name);
        return;
    }
    PyTypeObject *type = (PyTypeObject *)owner;
    PyObject *value;
    Py_ssize_t i = 0;
    while ((value = look_up_on_type(s, type, name, &i)) != NULL) {
        if (!is_descriptor(value)) {
            take(s, value, type, ATTRIBUTES);
        }
        if (!s->super) {
            break;
        }
    }
}

static void
look_into(struct search *s, PyCodeObject *code, int depth)
{
    PyObject *names = code->co_names, *consts = code->co_consts;
    PyObject *globals = s->job->function->func_globals;
    /* One code can be in many others. */
    if (s->lookups++ >= MAX_LOOKUPS) {
        return;
    }
    if (!is_stdlib(s, globals)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
            look_in_globals(s, globals, PyTuple_GET_ITEM(names, i));
        }
    }
    for (int n = 0; n < s->n_owners; n++) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
            look_in_owner(s, s->owners[n], PyTuple_GET_ITEM(names, i));
        }
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item) && depth < MAX_NESTED) {
            look_into(s, (PyCodeObject *)item, depth + 1);
        }
    }
}

/* What a decorator made calls a function that it has in its closure. */
static void
look_at_own(struct search *s, PyObject *tuple)
{
    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *op = PyTuple_GET_ITEM(tuple, i);
        if (PyCell_Check(op)) {
            op = ((PyCellObject *)op)->ob_ref;
        }
        if (op != NULL) {
            take(s, op, s->job->self, ATTRIBUTES);
        }
    }
}

static void
look_into_all(struct search *s)
{
    for (int i = 0; i < s->n_jobs; i++) {
        s->job = &s->jobs[i];
        s->n_owners = s->super = 0;
        look_at_own(s, s->job->function->func_closure);
        look_at_own(s, s->job->function->func_defaults);
        if (s->job->self != NULL) {
            add_owner(s, (PyObject *)s->job->self);
        }
        look_into(s, (PyCodeObject *)s->job->function->func_code, 0);
    }
}

/* Keep the values, in the order in which they would have been finalized. */
static void
keep(struct search *s, struct _Py_finalize_named *entry)
{
    _Py_finalize_names *names = &s->w->names;
    for (int i = 1; i < s->n_values; i++) {
        struct value value = s->values[i];
        int j = i;
        for (; j > 0 && s->values[j - 1].place > value.place; j--) {
            s->values[j] = s->values[j - 1];
        }
        s->values[j] = value;
    }
    entry->first = names->n_values;
    for (int i = 0; i < s->n_values; i++) {
        if (names->n_values == names->values_allocated) {
            PyObject **values = _PyFinalize_Grow(
                names->values, &names->values_allocated, sizeof(*values));
            if (values == NULL) {
                s->w->no_memory = 1;
                return;
            }
            names->values = values;
        }
        names->values[names->n_values++] = s->values[i].object;
        entry->n++;
    }
}

Py_ssize_t
_PyFinalize_Named(struct _Py_finalize_walk *w, PyObject *op,
                  PyObject *const **values)
{
    struct _Py_finalize_named *entry = _PyFinalize_NamedEntry(w, op);
    if (entry == NULL) {
        return 0;
    }
    if (entry->first < 0) {
        struct search s = {.w = w, .type = entry->type};
        if (entry->code != NULL) {
            add_function(&s, _PyPort_FrameFunction(_PyPort_SuspendedFrame(op)),
                         NULL);
        }
        else {
            Py_ssize_t i = 0;
            PyObject *del = look_up_on_type(&s, s.type, w->names.del, &i);
            if (del != NULL && !is_descriptor(del)) {
                take(&s, del, s.type, ATTRIBUTES);
            }
        }
        look_into_all(&s);
        keep(&s, entry);
    }
    *values = w->names.values + entry->first;
    return entry->n;
}
