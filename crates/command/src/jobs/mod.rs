//! Workers: a pool of threads that do the jobs of a run, and their numbers in the log.

mod buffers;
mod opened_ahead;
mod pool;
mod process;
#[cfg(test)]
mod tests;
mod tickets;

pub use buffers::Buffers;
pub use opened_ahead::OpenedAhead;
pub use pool::{Outcome, PoolSettings, Steps, run};
pub use process::{as_process, process_number};
pub use tickets::all;
