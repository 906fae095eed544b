//! How the failure of a call of the operating system is told.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;

use super::no_space;
use crate::error::{Error, Operation};

/// Describes the failure of `operation` on `object`, an absolute name.
pub(super) fn failure(
    operation: Operation,
    object: &(impl AsRef<Path> + ?Sized),
    errno: Errno,
) -> Error {
    let path = object.as_ref();
    let object = String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned();
    let error = Error::from_io(operation, object, &std::io::Error::from(errno));
    no_space::explained(error, path)
}

/// Describes the failure of an operation on two names, worded `'<one>' to '<other>'` by the quotes that
/// [`Error`] puts around its object.
pub(super) fn failure_of_two(
    operation: Operation,
    one: &(impl AsRef<Path> + ?Sized),
    other: &(impl AsRef<Path> + ?Sized),
    errno: Errno,
) -> Error {
    let object = format!(
        "{}' to '{}",
        one.as_ref().display(),
        other.as_ref().display()
    );
    let error = Error::from_io(operation, object, &std::io::Error::from(errno));
    no_space::explained(error, other.as_ref())
}
