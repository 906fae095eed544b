//! Which worker a thread is, for the log.

use std::cell::Cell;

thread_local! {
    static PROCESS: Cell<u32> = const { Cell::new(0) };
}

/// Number shown in log lines as `P01`: 0 is the main thread, workers count from 1.
#[must_use]
pub fn process_number() -> u32 {
    PROCESS.with(Cell::get)
}

/// Runs `then` with log lines shown under the number of a worker: for results that the main thread logs.
pub fn as_process<T>(number: u32, then: impl FnOnce() -> T) -> T {
    let own = PROCESS.replace(number);
    let result = then();
    PROCESS.set(own);
    result
}

/// Makes the calling thread the worker of this number.
pub(super) fn set(number: u32) {
    PROCESS.set(number);
}
