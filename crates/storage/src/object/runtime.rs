//! The one runtime of all object stores of the process. It moves bytes; hashing stays on the callers' threads.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Error, Operation, Result};

pub(super) fn runtime() -> Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let new = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("object")
        .enable_all()
        .build()
        .map_err(|error| Error::from_io(Operation::Connect, "runtime", &error))?;
    Ok(RUNTIME.get_or_init(|| new).handle().clone())
}
