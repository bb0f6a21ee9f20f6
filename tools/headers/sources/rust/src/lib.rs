//! The operations that probe.py asks for, with PyO3.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

#[pyclass(subclass)]
struct Node {
    #[pyo3(get, set)]
    other: Option<PyObject>,
}

#[pymethods]
impl Node {
    #[new]
    fn new() -> Self {
        Node { other: None }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(other) = &self.other {
            visit.call(other)?;
        }
        Ok(())
    }

    fn __clear__(&mut self) {
        self.other = None;
    }
}

#[pyfunction]
fn fill(py: Python<'_>, obj: PyObject, n: usize) -> (Py<PyList>, Py<PyTuple>) {
    let many: Vec<PyObject> = (0..n).map(|_| obj.clone_ref(py)).collect();
    (PyList::new(py, &many).into(), PyTuple::new(py, &many).into())
}

#[pyfunction]
fn call(py: Python<'_>, function: PyObject, n: usize, argument: PyObject) -> PyResult<()> {
    for _ in 0..n {
        function.call1(py, (argument.clone_ref(py),))?;
    }
    Ok(())
}

#[pyfunction]
fn none() {}

#[pyfunction]
fn yes() -> bool {
    true
}

#[pymodule]
fn rusty(_py: Python<'_>, module: &PyModule) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fill, module)?)?;
    module.add_function(wrap_pyfunction!(call, module)?)?;
    module.add_function(wrap_pyfunction!(none, module)?)?;
    module.add_function(wrap_pyfunction!(yes, module)?)?;
    module.add_class::<Node>()
}
