// What extensions in C++ do with the public headers: work.c, and references that count themselves.

#include "Python.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace {

// A reference as most bindings have one: copied, moved, dropped by the compiler.
template <class T>
class Ref {
public:
    explicit Ref(T *obj) noexcept : obj_(obj) { Py_XINCREF(obj_); }
    Ref(const Ref &other) noexcept : obj_(other.obj_) { Py_XINCREF(obj_); }
    Ref(Ref &&other) noexcept : obj_(other.obj_) { other.obj_ = nullptr; }
    Ref &operator=(Ref other) noexcept
    {
        std::swap(obj_, other.obj_);
        return *this;
    }
    ~Ref() { Py_XDECREF(obj_); }
    T *get() const noexcept { return obj_; }

private:
    T *obj_;
};

// What the count of obj is above that at the start, with n in a vector, in a copy, and after both.
PyObject *
references(PyObject *, PyObject *args)
{
    PyObject *obj;
    Py_ssize_t n;
    if (!PyArg_ParseTuple(args, "On", &obj, &n)) {
        return nullptr;
    }
    const Py_ssize_t start = Py_REFCNT(obj);
    Py_ssize_t held = 0, copied = 0;
    {
        std::vector<Ref<PyObject>> refs;
        for (Py_ssize_t i = 0; i < n; i++) {
            refs.emplace_back(obj);
        }
        held = Py_REFCNT(obj) - start;
        auto copy = refs;
        std::rotate(copy.begin(), copy.begin() + n / 2, copy.end());
        copied = Py_REFCNT(obj) - start;
        try {
            refs.push_back(Ref<PyObject>(Py_None));
            throw copy.back();
        } catch (const Ref<PyObject> &caught) {
            copied += caught.get() == obj;
        }
    }
    return Py_BuildValue("[nnn]", held, copied, Py_REFCNT(obj) - start);
}

}  // namespace

#define MORE_METHODS {"references", references, METH_VARARGS, nullptr},
#include "work.c"
