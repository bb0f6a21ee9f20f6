// The operations that probe.py asks for, with pybind11.

#include <pybind11/pybind11.h>

namespace py = pybind11;

struct Node {
    py::object other = py::none();
};

PYBIND11_MODULE(bound, module)
{
    module.def("fill", [](const py::object &obj, py::ssize_t n) {
        py::list list;
        for (py::ssize_t i = 0; i < n; i++) {
            list.append(obj);
        }
        return py::make_tuple(list, py::tuple(list));
    });
    module.def("call", [](const py::function &function, py::ssize_t n, const py::object &argument) {
        while (n-- > 0) {
            function(argument);
        }
    });
    module.def("none", []() { return py::none(); });
    module.def("yes", []() { return true; });
    module.def("ways", [](const py::object &obj) {
        const auto start = obj.ref_count();
        py::object copy = obj;
        const auto held = obj.ref_count() - start;
        copy.inc_ref().dec_ref();
        copy = py::none();
        return py::make_tuple(held, obj.ref_count() - start);
    });
    // As pybind11's manual has it for types in the collector's hands.
    py::class_<Node>(module, "Node", py::custom_type_setup([](PyHeapTypeObject *heap_type) {
        auto *type = &heap_type->ht_type;
        type->tp_flags |= Py_TPFLAGS_HAVE_GC;
        type->tp_traverse = [](PyObject *self, visitproc visit, void *arg) {
            Py_VISIT(Py_TYPE(self));
            if (py::detail::is_holder_constructed(self)) {
                auto &node = py::cast<Node &>(py::handle(self));
                Py_VISIT(node.other.ptr());
            }
            return 0;
        };
        type->tp_clear = [](PyObject *self) {
            if (py::detail::is_holder_constructed(self)) {
                py::cast<Node &>(py::handle(self)).other = py::none();
            }
            return 0;
        };
    }))
        .def(py::init<>())
        .def_readwrite("other", &Node::other);
}
