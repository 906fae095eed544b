//! Two things that a storage is asked for, in parallel where each is mostly waiting.

use crate::storage::Storage;

/// Does both: in parallel on a storage with latency, else one after the other.
///
/// # Errors
/// The first one's, or else the second one's. Without latency the second is not begun after the first has failed.
pub fn in_parallel<A, B, E>(
    storage: &dyn Storage,
    first: impl FnOnce() -> Result<A, E>,
    second: impl FnOnce() -> Result<B, E> + Send,
) -> Result<(A, B), E>
where
    B: Send,
    E: Send,
{
    if !storage.has_latency() {
        let first = first()?;
        return Ok((first, second()?));
    }
    std::thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        let second = second
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((first?, second?))
    })
}
