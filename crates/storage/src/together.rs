//! Two things that a storage is asked for, at once where each is mostly waiting.

use crate::Storage;

/// Does both: at the same time on a storage behind a slow line, else one after the other.
///
/// # Errors
/// The first one's, or else the second one's. Unless the storage is slow, the second is not begun after the first has failed.
pub fn together<A, B, E>(
    storage: &dyn Storage,
    first: impl FnOnce() -> Result<A, E>,
    second: impl FnOnce() -> Result<B, E> + Send,
) -> Result<(A, B), E>
where
    B: Send,
    E: Send,
{
    if !storage.features().slow {
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
