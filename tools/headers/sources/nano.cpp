// The operations that probe.py asks for, with nanobind.

#include <nanobind/nanobind.h>

namespace nb = nanobind;

struct Node {
    nb::object other = nb::none();
};

static int
node_traverse(PyObject *self, visitproc visit, void *arg) noexcept
{
    Py_VISIT(Py_TYPE(self));
    if (nb::inst_ready(self)) {
        Py_VISIT(nb::inst_ptr<Node>(self)->other.ptr());
    }
    return 0;
}

static int
node_clear(PyObject *self) noexcept
{
    nb::inst_ptr<Node>(self)->other.reset();
    return 0;
}

static PyType_Slot slots[] = {
    {Py_tp_traverse, (void *)node_traverse},
    {Py_tp_clear, (void *)node_clear},
    {0, nullptr},
};

NB_MODULE(nano, module)
{
    module.def("fill", [](nb::object obj, Py_ssize_t n) {
        nb::list list;
        for (Py_ssize_t i = 0; i < n; i++) {
            list.append(obj);
        }
        return nb::make_tuple(list, nb::tuple(list));
    }, nb::arg("obj").none(), nb::arg("n"));
    module.def("call", [](nb::callable function, Py_ssize_t n, nb::object argument) {
        while (n-- > 0) {
            function(argument);
        }
    }, nb::arg(), nb::arg(), nb::arg().none());
    module.def("none", []() { return nb::none(); });
    module.def("yes", []() { return true; });
    nb::class_<Node>(module, "Node", nb::type_slots(slots))
        .def(nb::init<>())
        .def_rw("other", &Node::other, nb::arg().none());
}
