//! One stanza in one repository: its info files, whose they are, and from there its backups, WAL, space and permissions.

use pgkeep_postgres::control::ControlFile;
use pgkeep_repo::{Stanza, layout};
use pgkeep_storage::{InfoLevel, StoragePath};

use super::check::{MOUNT, STANZA, SYSTEM_ID};
use super::cluster::Facts;
use super::repository::Place;
use super::settings::{RepoSettings, Settings};
use super::{backups, keys, permissions, space, wal};
use crate::error::{Error, ErrorCode};
use crate::hosts::Repository;
use crate::hosts::stanza_info::{self, StanzaInfo};
use crate::report::advice;
use crate::report::finding::{Finding, Subject};
use crate::run::Context;

/// What the repository is compared with.
pub(super) struct Of<'a> {
    pub(super) stanza: &'a Stanza,
    pub(super) facts: &'a Facts,
    /// A sign that the repository was in use before.
    pub(super) used: Option<&'a str>,
}

/// Nothing where the repository is out of reach, which is a finding of its own.
pub(super) fn examine(
    context: &Context,
    settings: &Settings,
    repository: &RepoSettings,
    place: &Place,
    of: &Of<'_>,
) -> Option<Vec<Finding>> {
    let (stanza, facts) = (of.stanza, of.facts);
    let subject = Subject::stanza(stanza.as_str()).repo(repository.key);
    let opened = Repository {
        elsewhere: None,
        // Stanzas may have pass-phrases of their own.
        pass: repository.pass.clone(),
        ..place.repository.clone()?
    };
    let info = match stanza_info::load(&opened, stanza)
        .and_then(|info| stanza_info::check_match(&info).map(|()| info))
    {
        Ok(info) => info,
        Err(error) => {
            if let Some(used) = of.used.filter(|_| is_bare(&error, &opened)) {
                return Some(vec![unmounted(&subject, repository, stanza, used)]);
            }
            let seen = error.message.clone();
            return Some(vec![subject.fail(
                &STANZA,
                seen,
                mend(&error, repository, stanza),
            )]);
        }
    };
    let mut findings = vec![subject.ok(&STANZA, "is there and can be read")];
    if let Some(control) = &facts.control {
        findings.push(system_id(&subject, stanza, &info, control));
    }
    let now = context.clock.seconds();
    let storage = &*opened.storage;
    findings.extend(backups::examine(
        &subject,
        settings,
        stanza,
        storage,
        &info.backup,
        now,
    ));
    findings.extend(keys::examine(&subject, stanza, storage, &info.backup));
    findings.extend(wal::examine(
        &subject,
        stanza,
        storage,
        &info.archive,
        facts,
        now,
    ));
    if let Some(room) = place.space {
        findings.extend(space::of_repository(
            &subject,
            repository,
            &info.backup,
            room,
        ));
    }
    findings.extend(permissions::examine(
        context,
        &subject,
        repository,
        stanza,
        storage,
        &info.backup,
    ));
    Some(findings)
}

/// Whether there is nothing of any stanza.
fn is_bare(error: &Error, repository: &Repository) -> bool {
    let paths = [layout::ARCHIVE, layout::BACKUP].map(StoragePath::from);
    let found = || repository.storage.info_many(&paths, InfoLevel::Exists);
    error.code == ErrorCode::FileMissing
        && found().is_ok_and(|found| found.iter().all(Option::is_none))
}

fn unmounted(subject: &Subject, repository: &RepoSettings, stanza: &Stanza, used: &str) -> Finding {
    let on = repository.sftp.as_ref().map_or("", |_| "on the server: ");
    subject.fail(
        &MOUNT,
        format!(
            "'{}' holds nothing of any stanza, but {used}",
            repository.path
        ),
        format!(
            "{on}mount what belongs there, or correct {}; only if the repository is to be new: {}",
            repository.option("path"),
            advice::pgkeep(stanza.as_str(), "stanza-create")
        ),
    )
}

fn mend(error: &Error, repository: &RepoSettings, stanza: &Stanza) -> String {
    match error.code {
        ErrorCode::FileMissing => advice::pgkeep(stanza.as_str(), "stanza-create"),
        ErrorCode::Crypto => format!(
            "set {} and {} as they were when the stanza was created",
            repository.option("cipher-type"),
            repository.option("cipher-pass")
        ),
        _ => format!(
            "see what is damaged: {}",
            advice::pgkeep(
                stanza.as_str(),
                &format!("--repo={} --output=text verify", repository.key)
            )
        ),
    }
}

fn system_id(
    subject: &Subject,
    stanza: &Stanza,
    info: &StanzaInfo,
    control: &ControlFile,
) -> Finding {
    let current = info.archive.history.current();
    let version = control.version.to_string();
    if current.system_id == control.system_id && current.version == version {
        let seen = format!("version {version}, system-id {}", control.system_id);
        return subject.ok(&SYSTEM_ID, seen);
    }
    let seen = format!(
        "the stanza is of version {}, system-id {}; the cluster has {version}, {}",
        current.version, current.system_id, control.system_id
    );
    let mend = format!(
        "after pg_upgrade or a new initdb: {}; otherwise correct pg-path or the name of the stanza",
        advice::pgkeep(stanza.as_str(), "stanza-upgrade")
    );
    subject.fail(&SYSTEM_ID, seen, mend)
}
