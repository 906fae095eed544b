//! Many requests about one key each, some of them under way at the same time.

use std::future::Future;

use tokio::task::JoinSet;

use super::failure::broken;
use super::store::Failure;

/// Requests at the same time. The client has a limit of its own.
const AT_ONCE: usize = 32;

/// Does `each` for every key. The failure is that of the first key, in the order given, that has one.
pub(crate) async fn one_by_one<F>(
    keys: Vec<&String>,
    each: impl Fn(String) -> F,
) -> Result<(), (String, Failure)>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut failed: Option<(usize, Failure)> = None;
    let mut running = JoinSet::new();
    let mut left = keys.iter().enumerate();
    loop {
        // After a failure nothing new is begun.
        while running.len() < AT_ONCE && failed.is_none() {
            let Some((at, key)) = left.next() else { break };
            let one = each((*key).clone());
            running.spawn(async move { (at, one.await) });
        }
        let (at, reason) = match running.join_next().await {
            None => break,
            Some(Ok((_, Ok(())))) => continue,
            Some(Ok((at, Err(failure)))) => (at, failure),
            Some(Err(stopped)) => (
                0,
                broken(format!("a request ended without an answer: {stopped}")),
            ),
        };
        if failed.as_ref().is_none_or(|(first, _)| at < *first) {
            failed = Some((at, reason));
        }
    }
    match failed {
        Some((at, reason)) => Err((keys[at].clone(), reason)),
        None => Ok(()),
    }
}
