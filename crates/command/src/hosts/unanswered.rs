//! Repositories that did not answer: who reads everything several times in a run waits for each of them once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pgkeep_config::Config;
use pgkeep_config::option::{Group, OPTIONS};

use crate::error::{Error, ErrorCode};

/// The key of a repository and what says where it is: another stanza may have another place under the same key.
type Place = (u32, Vec<(&'static str, String)>);

/// Beginnings of the options that say it.
const SAY_WHERE: [&str; 8] = [
    "repo-type",
    "repo-path",
    "repo-host",
    "repo-sftp",
    "repo-s3",
    "repo-azure",
    "repo-gcs",
    "repo-storage",
];

type Known = Vec<(Place, Error)>;

/// What is known of them. By default nothing is remembered: most runs have a reason to try again.
#[derive(Debug, Clone, Default)]
pub struct Unanswered(Option<Arc<Mutex<Known>>>);

impl Unanswered {
    /// Remembers from now on.
    #[must_use]
    pub fn remembered() -> Self {
        Self(Some(Arc::default()))
    }

    /// Remembers an error if it says that the repository could not be reached, or not talked to.
    pub(crate) fn note(&self, config: &Config, key: u32, error: &Error) {
        if let Some(mut known) = self.lock()
            && matches!(error.code, ErrorCode::HostConnect | ErrorCode::Service)
        {
            let place = place(config, key);
            if !known.iter().any(|(other, _)| *other == place) {
                known.push((place, error.clone()));
            }
        }
    }

    /// With what the repository could not be reached before.
    pub(super) fn of(&self, config: &Config, key: u32) -> Option<Error> {
        let known = self.lock().filter(|known| !known.is_empty())?;
        let place = place(config, key);
        let of = known.iter().find(|(other, _)| *other == place);
        of.map(|(_, error)| error.clone())
    }

    fn lock(&self) -> Option<MutexGuard<'_, Known>> {
        let known = self.0.as_ref()?;
        Some(known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn place(config: &Config, key: u32) -> Place {
    let says_where = |name: &str| SAY_WHERE.iter().any(|start| name.starts_with(start));
    let options = OPTIONS
        .iter()
        .filter(|option| option.group == Some(Group::Repo) && says_where(option.name));
    let said = options.filter_map(|option| Some((option.name, config.spelling_at(option, key)?)));
    (key, said.collect())
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;

    use super::*;
    use crate::run::test_context;

    fn at(host: &str, retention: &str) -> Config {
        let options = [
            "--repo1-type=sftp".to_owned(),
            format!("--repo1-sftp-host={host}"),
            "--repo1-sftp-host-user=u".to_owned(),
            "--repo1-sftp-private-key-file=/k".to_owned(),
            "--repo1-sftp-host-key-hash-type=sha256".to_owned(),
            format!("--repo1-retention-full={retention}"),
        ];
        let context = test_context::new(Program::PgKeep, "expire", &options);
        (*context.config).clone()
    }

    #[test]
    fn only_the_place_that_did_not_answer_is_known() {
        let known = Unanswered::remembered();
        let silent = Error::new(ErrorCode::HostConnect, "timeout");
        known.note(&at("a", "1"), 1, &silent);
        known.note(&at("b", "1"), 1, &Error::new(ErrorCode::PathMissing, "/r"));
        let of = |host| known.of(&at(host, "2"), 1).map(|error| error.message);
        assert_eq!(of("a").as_deref(), Some("timeout"));
        assert_eq!(of("b"), None);
    }

    #[test]
    fn nothing_is_remembered_unless_asked_for() {
        let known = Unanswered::default();
        known.note(&at("a", "1"), 1, &Error::new(ErrorCode::HostConnect, "x"));
        assert!(known.of(&at("a", "1"), 1).is_none());
    }
}
