//! The clusters of a run together: which is the primary, which are its standbys, and why there is none.
//!
//! One that cannot be reached is only warned about, in pgBackRest's words: another may be the primary. What hides a cause is
//! put right here: an error that is the only reason for having no primary ends the run under its own code.

use pgkeep_config::option::Group;

use super::cluster::{Cluster, connect};
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// What was found behind pg1, pg2, …
#[derive(Debug, Default)]
pub struct Clusters {
    pub primary: Option<Cluster>,
    /// In the order of their keys.
    pub standbys: Vec<Cluster>,
    /// Keys of those that could not be reached and why, which was warned about.
    pub unreachable: Vec<(u32, Error)>,
}

/// Connects to every configured cluster, to all of them at the same time.
///
/// # Errors
/// [`ErrorCode::DbConnect`] when there are two primaries.
pub fn find_all(context: &Context) -> Result<Clusters> {
    context.cancel.check()?;
    let keys = context.config.keys(Group::Pg);
    let mut found = Clusters::default();
    // What is told of them is in the order of their keys, whoever answered first.
    for (key, connected) in keys.iter().zip(of_each(keys, &|key| connect(context, key))) {
        match connected {
            Ok(cluster) if cluster.session.is_standby() => found.standbys.push(cluster),
            Ok(cluster) => {
                if let Some(other) = &found.primary {
                    return Err(two_primaries(other, &cluster));
                }
                found.primary = Some(cluster);
            }
            Err(error)
                if error.code == ErrorCode::Term || error.code == ErrorCode::OptionInvalid =>
            {
                return Err(error);
            }
            Err(error) => {
                log::warn!("unable to check pg{key}: {}", error.named_text());
                found.unreachable.push((*key, error));
            }
        }
    }
    context.cancel.check()?;
    Ok(found)
}

/// Does the same for each key at the same time, results in the order of the keys. A host that is down costs its time limit, which
/// must not add up.
fn of_each<T: Send>(keys: &[u32], work: &(dyn Fn(u32) -> Result<T> + Sync)) -> Vec<Result<T>> {
    if let [key] = keys {
        return vec![work(*key)];
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = keys
            .iter()
            .map(|&key| scope.spawn(move || work(key)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::panicked())))
            .collect()
    })
}

/// The primary among the configured clusters.
///
/// # Errors
/// Those of [`Clusters::take_primary`].
pub fn find_primary(context: &Context) -> Result<Cluster> {
    find_all(context)?.take_primary()
}

fn two_primaries(one: &Cluster, two: &Cluster) -> Error {
    let error = Error::new(ErrorCode::DbConnect, "more than one primary cluster found");
    let (one_name, two_name) = (one.name(), two.name());
    if one.control.system_id != two.control.system_id {
        return error.with_hint(format!(
            "{one_name} and {two_name} are different clusters (system identifiers {} and {}): take the one that is not of this stanza out of the configuration.",
            one.control.system_id, two.control.system_id
        ));
    }
    error.with_hint(format!(
        "{one_name} and {two_name} both accept writes: stop the one that was replaced, or take it out of the configuration."
    ))
}

impl Clusters {
    /// Takes the primary away.
    ///
    /// # Errors
    /// [`ErrorCode::DbConnect`] when there is none; another code when it alone is why.
    pub fn take_primary(&mut self) -> Result<Cluster> {
        self.primary
            .take()
            .ok_or_else(|| no_primary(&self.standbys, &self.unreachable))
    }

    /// What to look at when clusters could not be reached; nothing if all could.
    #[must_use]
    pub fn reach_hint(&self) -> Option<String> {
        reach_hint(&self.unreachable)
    }
}

/// The error of a run that needs a primary and has none.
fn no_primary(standbys: &[Cluster], unreachable: &[(u32, Error)]) -> Error {
    let mut codes = unreachable.iter().map(|(_, error)| error.code);
    let first = codes.next();
    let only_cause = standbys.is_empty()
        && first.is_some_and(tells_more)
        && codes.all(|code| Some(code) == first);
    if let (true, Some((key, cause))) = (only_cause, unreachable.first()) {
        return cause.clone().with_hint(format!(
            "without pg{key} there is no primary cluster to work with."
        ));
    }
    let error = Error::new(
        ErrorCode::DbConnect,
        "unable to find primary cluster - cannot proceed",
    )
    .with_hint("are all available clusters in recovery?");
    let error = match standbys {
        [] => error,
        [one] => error.with_hint(format!(
            "{} is a standby: is its primary one of the clusters of this stanza (pg1-…, pg2-…)?",
            one.name()
        )),
        several => error.with_hint(format!(
            "all of these are standbys: {}. Is their primary one of the clusters of this stanza (pg1-…, pg2-…)?",
            several.iter().map(Cluster::name).collect::<Vec<_>>().join(", ")
        )),
    };
    match reach_hint(unreachable) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Causes that have nothing to do with a server that is down, and that pgBackRest hides behind its missing primary: a stop
/// file, a lock, and whatever is between this host and the other.
fn tells_more(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Stop
            | ErrorCode::LockAcquire
            | ErrorCode::Protocol
            | ErrorCode::HostConnect
            | ErrorCode::Service
            | ErrorCode::Crypto
            | ErrorCode::Execute
            | ErrorCode::Access
            | ErrorCode::Unknown
    )
}

fn reach_hint(unreachable: &[(u32, Error)]) -> Option<String> {
    let (key, _) = unreachable.first()?;
    let names: Vec<String> = unreachable
        .iter()
        .map(|(key, _)| format!("pg{key}"))
        .collect();
    Some(format!(
        "{} could not be reached, see the warning above: does the server run, and are pg{key}-path, pg{key}-port and pg{key}-socket-path those of it?",
        names.join(" and ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_asked_at_the_same_time_and_told_in_the_order_of_their_keys() {
        use std::sync::{Condvar, Mutex};
        use std::time::Duration;
        let (there, all_there) = (Mutex::new(0), Condvar::new());
        let found = of_each(&[3, 1, 2], &|key| {
            let mut count = there.lock().unwrap();
            *count += 1;
            all_there.notify_all();
            let limit = Duration::from_secs(60);
            let (_count, waited) = all_there
                .wait_timeout_while(count, limit, |count| *count < 3)
                .unwrap();
            assert!(!waited.timed_out(), "pg{key} was asked alone");
            match key {
                1 => Err(Error::new(ErrorCode::DbConnect, "down")),
                key => Ok(key),
            }
        });
        let found: Vec<_> = found.iter().map(|found| found.as_ref().ok()).collect();
        assert_eq!(found, [Some(&3), None, Some(&2)]);
    }

    fn unreachable(codes: &[ErrorCode]) -> Vec<(u32, Error)> {
        let error = |code: &ErrorCode| Error::new(*code, format!("cause {}", code.name()));
        (1..).zip(codes.iter().map(error)).collect()
    }

    #[test]
    fn the_only_cause_of_having_no_primary_is_the_error() {
        let error = no_primary(&[], &unreachable(&[ErrorCode::Stop, ErrorCode::Stop]));
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::Stop, "cause StopError")
        );
        assert_eq!(
            error.hints,
            ["without pg1 there is no primary cluster to work with."]
        );
    }

    #[test]
    fn a_server_that_is_down_or_different_causes_are_a_missing_primary() {
        for codes in [
            &[][..],
            &[ErrorCode::DbConnect],
            &[ErrorCode::Stop, ErrorCode::DbConnect],
            &[ErrorCode::FileOpen],
        ] {
            let error = no_primary(&[], &unreachable(codes));
            assert_eq!(error.code, ErrorCode::DbConnect, "{codes:?}");
            assert_eq!(
                error.message,
                "unable to find primary cluster - cannot proceed"
            );
            assert_eq!(error.hints[0], "are all available clusters in recovery?");
        }
    }
}
