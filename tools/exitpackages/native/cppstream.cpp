// A writer as many bindings have one: it buffers in C++ and writes in its destructor. pybind11's
// types have no tp_finalize, so an interpreter that does not deallocate the object loses the data.
#include <fstream>
#include <string>
#include <utility>

#include <pybind11/functional.h>
#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace {

class Writer {
public:
    explicit Writer(const std::string &name) : name_(name), stream_(name) {}
    Writer(const Writer &) = delete;
    Writer &operator=(const Writer &) = delete;

    ~Writer()
    {
        stream_.close();
        if (callback_) {
            callback_(name_);
        }
    }

    void write(const std::string &text) { stream_ << text; }
    void on_close(std::function<void(std::string)> callback) { callback_ = std::move(callback); }

private:
    std::string name_;
    std::ofstream stream_;
    std::function<void(std::string)> callback_;
};

}  // namespace

PYBIND11_MODULE(cppstream, module)
{
    py::class_<Writer>(module, "Writer", py::dynamic_attr())
        .def(py::init<const std::string &>())
        .def("write", &Writer::write)
        .def("on_close", &Writer::on_close);
}
