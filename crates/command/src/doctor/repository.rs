//! A repository as a place: can it be reached and written, and what is the time there. Nothing here is about a stanza.

use pgkeep_config::shell_word;
use pgkeep_repo::layout;
use pgkeep_storage::copy::write_all;
use pgkeep_storage::temporary::temp_name;
use pgkeep_storage::{
    ErrorKind, InfoLevel, Space, Storage, StorageKind, StoragePath, WriteMode, WriteOptions,
};

use super::check::{CLOCK, REPO_WRITE, REPOSITORY};
use super::mount::{self, Conclusion};
use super::settings::RepoSettings;
use super::{removal, rights};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, repository};
use crate::report::finding::{Finding, Subject};
use crate::run::Context;

/// Seconds by which clocks may differ.
const SKEW: i64 = 30;

/// One repository that was looked at.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) settings: RepoSettings,
    /// Nothing if it cannot be reached.
    pub(super) repository: Option<Repository>,
    pub(super) space: Option<Space>,
}

/// `used`: a sign that the repository was in use before.
pub(super) fn examine(
    context: &Context,
    settings: &RepoSettings,
    used: Option<&str>,
) -> (Place, Vec<Finding>) {
    let subject = Subject::default().repo(settings.key);
    let mut place = Place {
        settings: settings.clone(),
        repository: None,
        space: None,
    };
    let mut findings = Vec::new();
    // First: an empty mount point looks like a repository that is not ours and was never created.
    let is_here = settings.host.is_none();
    if is_here && (settings.kind == "posix" || settings.kind == "cifs") {
        match mount::examine(context, settings, used) {
            Conclusion::Absent(finding) => return (place, vec![finding]),
            Conclusion::Present(finding) => findings.push(finding),
            Conclusion::Missing => {}
        }
    }
    let repository = match repository::noted(context, settings.key, reach(context, settings)) {
        Ok(repository) => repository,
        // Kinds of repositories that are not supported.
        Err(error) if error.code == ErrorCode::OptionInvalid => {
            let finding = subject.not_tested(&REPOSITORY, error.message);
            return (place, vec![finding]);
        }
        Err(error) => {
            let mend = mend(context, settings, &error);
            findings.push(subject.fail(&REPOSITORY, error.text(), mend));
            return (place, findings);
        }
    };
    let storage = &*repository.storage;
    if let Some(rights) = storage.as_rights() {
        let now = context.clock.seconds();
        let attempts = rights.try_rights(&layout::trial("doctor", context.config.exec_id()));
        let (reached, found) = rights::examine(settings, storage, &attempts);
        findings.extend(found);
        if !reached {
            return (place, findings);
        }
        let kept = attempts.kept_until.as_ref();
        findings.extend(removal::examine(settings, &subject, storage, (kept, now)));
        findings.extend(attempts.stored.map(|stored| clock(&subject, stored, now)));
    } else {
        findings.push(subject.ok(&REPOSITORY, format!("'{}' is there", settings.path)));
        findings.extend(writing(context, settings, &subject, storage));
    }
    // A storage that does not know its space gets no finding about it.
    place.space = storage.space(&StoragePath::root()).ok().flatten();
    place.repository = Some(repository);
    (place, findings)
}

fn reach(context: &Context, settings: &RepoSettings) -> Result<Repository> {
    let repository = repository::open(context, settings.key)?;
    let root = repository
        .storage
        .info(&StoragePath::root(), InfoLevel::Exists)?;
    match root {
        Some(_) => Ok(repository),
        None => Err(Error::new(
            ErrorCode::PathMissing,
            format!("'{}' does not exist", settings.path),
        )),
    }
}

fn mend(context: &Context, settings: &RepoSettings, error: &Error) -> String {
    if settings.host.is_some() {
        return mend_elsewhere(settings);
    }
    match (&settings.sftp, error.code) {
        (Some(_), ErrorCode::PathMissing) => {
            format!(
                "correct {}, or: pgkeep --stanza=NAME stanza-create",
                settings.option("path")
            )
        }
        (Some(sftp), _) => format!(
            "see what the server says: pgkeep --repo={} sftp-audit; or: {}",
            settings.key,
            sftp.by_hand("-v")
        ),
        (None, ErrorCode::PathMissing) => format!(
            "mount what belongs there, or: install -d -o {} -m 750 {}",
            shell_word(&context.user.name),
            shell_word(&settings.path)
        ),
        (None, _) => chown(context, settings),
    }
}

/// Nothing on this host mends a repository of another.
fn mend_elsewhere(settings: &RepoSettings) -> String {
    let host = settings.host.as_deref().unwrap_or_default();
    format!("if '{host}' can be reached from here, run pgkeep doctor there")
}

fn chown(context: &Context, settings: &RepoSettings) -> String {
    let (user, path) = (shell_word(&context.user.name), shell_word(&settings.path));
    format!("chown -R {user} {path}")
}

/// Makes an empty file and removes it; its time is that of the storage's clock.
fn writing(
    context: &Context,
    settings: &RepoSettings,
    subject: &Subject,
    storage: &dyn Storage,
) -> Vec<Finding> {
    let mut file = layout::trial("doctor", context.config.exec_id());
    if storage.only_adds() {
        // It stays, and whoever keeps the repository removes files of such names.
        file = StoragePath::root().join(temp_name(file.as_bytes()));
    }
    let options = WriteOptions {
        mode: WriteMode::InPlace,
        sync: false,
        create_path: false,
        ..WriteOptions::default()
    };
    if let Err(error) = write_all(storage, &file, &options, b"") {
        let denied = ErrorCode::Access.number();
        if (error.elsewhere.as_ref()).is_some_and(|elsewhere| elsewhere.code == denied) {
            // Whoever is let in for one stanza writes nothing beside it.
            let why = "this host may not write beside its stanza";
            return vec![subject.not_tested(&REPO_WRITE, why)];
        }
        let mend = match (&settings.host, &settings.sftp) {
            (Some(_), _) => mend_elsewhere(settings),
            // The server is not one for an account that may only add, whoever owns the directory.
            (None, Some(_)) if error.kind == ErrorKind::Unsupported && !error.hints.is_empty() => {
                error.hints.join("; ")
            }
            (None, Some(sftp)) => format!(
                "on the server: chown {} DIRECTORY of {}, or make room there",
                sftp.user, settings.path
            ),
            (None, None) => chown(context, settings),
        };
        return vec![subject.fail(&REPO_WRITE, error.to_string(), mend)];
    }
    let now = context.clock.seconds();
    let seen = storage.info(&file, InfoLevel::Basic);
    let removed = match storage.only_adds() {
        true => None,
        false => Some(storage.remove(&file)),
    };
    let mut findings = vec![match removed {
        None => subject.ok(
            &REPO_WRITE,
            "a file can be made; nothing is removed through this account",
        ),
        Some(Ok(_)) => subject.ok(&REPO_WRITE, "a file can be made and removed"),
        Some(Err(error)) => subject.fail(
            &REPO_WRITE,
            format!("a file can be made, but not removed: {error}"),
            format!(
                "allow the account to remove files below {}; expire needs it",
                settings.path
            ),
        ),
    }];
    // A local file has our own time.
    if storage.kind() != StorageKind::Posix || settings.host.is_some() {
        findings.push(match seen {
            Ok(Some(info)) => clock(subject, info.modified, now),
            Ok(None) => subject.not_tested(&CLOCK, "the storage shows no times"),
            Err(error) => subject.not_tested(&CLOCK, error.to_string()),
        });
    }
    findings
}

fn clock(subject: &Subject, theirs: i64, ours: i64) -> Finding {
    let ahead = theirs - ours;
    let seen = match ahead {
        -1..=1 => "agrees with ours".to_owned(),
        2.. => format!("{ahead} s ahead of ours"),
        _ => format!("{} s behind ours", -ahead),
    };
    if ahead.abs() > SKEW {
        let mend = "timedatectl set-ntp true, on the side that is wrong";
        subject.warn(&CLOCK, seen, mend)
    } else {
        subject.ok(&CLOCK, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::Grade;

    #[test]
    fn clocks_may_differ_by_half_a_minute() {
        let grade = |theirs| clock(&Subject::default(), theirs, 1000).grade;
        assert_eq!(grade(1030), Grade::Ok);
        assert_eq!(grade(970), Grade::Ok);
        assert_eq!(grade(1031), Grade::Warn);
        assert_eq!(grade(969), Grade::Warn);
    }
}
