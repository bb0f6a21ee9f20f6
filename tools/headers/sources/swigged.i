/* The operations that probe.py asks for, with SWIG. */
%module swigged
%{
#include <vector>

static PyObject *fill(PyObject *obj, long n)
{
    PyObject *list = PyList_New(0);
    for (long i = 0; i < n; i++) {
        PyList_Append(list, obj);
    }
    return Py_BuildValue("NN", list, PyList_AsTuple(list));
}

static void call(PyObject *function, long n, PyObject *argument)
{
    while (n-- > 0) {
        PyObject *result = PyObject_CallFunctionObjArgs(function, argument, NULL);
        if (result == NULL) {
            PyErr_Clear();
        }
        Py_XDECREF(result);
    }
}

static bool yes() { return true; }

struct Node {
    PyObject *other_;
    Node() : other_(NULL) { }
    ~Node() { Py_XDECREF(other_); }
    void set(PyObject *other) { Py_XINCREF(other); Py_XSETREF(other_, other); }
    PyObject *get() { PyObject *found = other_ ? other_ : Py_None; Py_INCREF(found); return found; }
};

static long total(std::vector<int> numbers)
{
    long sum = 0;
    for (int each : numbers) {
        sum += each;
    }
    return sum;
}
%}
%include <std_vector.i>
%template(Numbers) std::vector<int>;
PyObject *fill(PyObject *obj, long n);
void call(PyObject *function, long n, PyObject *argument);
bool yes();
long total(std::vector<int> numbers);
struct Node {
    Node();
    ~Node();
    void set(PyObject *other);
    PyObject *get();
};
