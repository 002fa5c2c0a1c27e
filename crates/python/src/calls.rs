//! Calls into CPython for which PyO3 has no safe spelling of the same cost.
//!
//! Answers for calling a function without a tuple of arguments, for lending the text of a `str`, and for raising an
//! exception in another thread. Not for what is called.
//! Holds: every reference that CPython hands out is owned by a `Bound` before anything else happens.
#![allow(
    unsafe_code,
    reason = "the stable ABI before 3.12 has vectorcall only behind this variadic function"
)]

use std::ffi::{c_char, c_long};
use std::ptr::null_mut;
use std::sync::LazyLock;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// `PyObject_Vectorcall`: function, arguments, their number, names of keywords.
type Vectorcall = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    usize,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// There since Python 3.11, in the stable ABI since 3.12.
static VECTORCALL: LazyLock<Option<Vectorcall>> = LazyLock::new(|| {
    // SAFETY: the name ends with a zero; what has this name in a process with an interpreter in it is this function.
    unsafe {
        let found = libc::dlsym(libc::RTLD_DEFAULT, c"PyObject_Vectorcall".as_ptr());
        std::mem::transmute::<*mut libc::c_void, Option<Vectorcall>>(found)
    }
});

/// The bit in the number of arguments that says: what lies in front of the first may be written to meanwhile.
const ARGUMENTS_OFFSET: usize = 1 << (usize::BITS - 1);

/// `function(argument)`.
#[inline]
pub(crate) fn call1<'py>(
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: both pointers are live objects while they are borrowed; the arguments are as many as is said, with a place
    // in front of them, or their list ends with a null pointer; the result is a new reference, or null with an exception
    // set.
    unsafe {
        let end = null_mut::<ffi::PyObject>();
        let result = match *VECTORCALL {
            Some(call) => {
                let mut arguments = [end, argument.as_ptr()];
                call(function.as_ptr(), arguments.as_mut_ptr().add(1), 1 | ARGUMENTS_OFFSET, end)
            }
            None => ffi::PyObject_CallFunctionObjArgs(function.as_ptr(), argument.as_ptr(), end),
        };
        Bound::from_owned_ptr_or_err(function.py(), result)
    }
}

/// `function(first, second)`.
#[inline]
pub(crate) fn call2<'py>(
    function: &Bound<'py, PyAny>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: as in `call1`.
    unsafe {
        let end = null_mut::<ffi::PyObject>();
        let result = match *VECTORCALL {
            Some(call) => {
                let mut arguments = [end, first.as_ptr(), second.as_ptr()];
                call(function.as_ptr(), arguments.as_mut_ptr().add(1), 2 | ARGUMENTS_OFFSET, end)
            }
            None => {
                ffi::PyObject_CallFunctionObjArgs(function.as_ptr(), first.as_ptr(), second.as_ptr(), end)
            }
        };
        Bound::from_owned_ptr_or_err(function.py(), result)
    }
}

unsafe extern "C" {
    /// In the stable ABI since 3.10, exported with this signature since 3.3.
    fn PyUnicode_AsUTF8AndSize(text: *mut ffi::PyObject, size: *mut isize) -> *const c_char;
}

/// The text as UTF-8; `None` if it has lone surrogates, which UTF-8 cannot say.
#[inline]
pub(crate) fn utf8<'a>(text: &'a Bound<'_, PyString>) -> Option<&'a str> {
    let mut size = 0;
    // SAFETY: the bytes belong to the `str`, do not change and live as long as it does, which is at least as long as
    // it is borrowed; CPython promises that they are UTF-8.
    unsafe {
        let start = PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut size);
        if start.is_null() {
            let _not_utf8 = PyErr::take(text.py());
            return None;
        }
        let bytes = std::slice::from_raw_parts(start.cast::<u8>(), usize::try_from(size).unwrap_or(0));
        Some(std::str::from_utf8_unchecked(bytes))
    }
}

/// Raises `KeyboardInterrupt` in a thread that runs Python, as soon as it comes to its next instruction.
pub(crate) fn interrupt(py: Python<'_>, thread: u64) {
    let exception = py.get_type::<PyKeyboardInterrupt>();
    // SAFETY: the interpreter is attached; a thread that is gone is none that is found.
    unsafe {
        ffi::PyThreadState_SetAsyncExc(thread as c_long, exception.as_ptr());
    }
}
