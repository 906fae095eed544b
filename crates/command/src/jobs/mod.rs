//! Workers: a pool of threads that do the jobs of a run, their numbers in the log, and the same asked of several hosts at a time.

mod buffers;
mod opened_ahead;
mod pool;
mod process;
mod side_by_side;
#[cfg(test)]
mod tests;
mod tickets;

pub use buffers::Buffers;
pub use opened_ahead::OpenedAhead;
pub use pool::{Outcome, PoolSettings, Steps, run};
pub use process::{as_process, process_number};
pub use side_by_side::{AT_ONCE, side_by_side};
pub use tickets::all;
