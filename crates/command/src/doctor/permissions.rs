//! Who besides the owner may read or change what is stored: by the modes of the files and of all directories above them
//! up to the repository's own.

use pgkeep_config::shell_word;
use pgkeep_repo::{BackupInfo, Stanza, layout};
use pgkeep_storage::{FileInfo, FileType, InfoLevel, Storage, StorageKind, StoragePath};

use super::check::{REPO_MODE, REPO_OWNER};
use super::settings::RepoSettings;
use crate::report::finding::{Finding, Subject};
use crate::run::Context;

pub(super) fn examine(
    context: &Context,
    subject: &Subject,
    settings: &RepoSettings,
    stanza: &Stanza,
    storage: &dyn Storage,
    info: &BackupInfo,
) -> Vec<Finding> {
    // Objects have no modes; who may do what is in rules that only an administrator reads.
    if storage.as_rights().is_some() {
        return Vec::new();
    }
    let mut paths = vec![
        StoragePath::root(),
        StoragePath::from(layout::ARCHIVE),
        StoragePath::from(layout::BACKUP),
        layout::archive_path(stanza),
        layout::backup_path(stanza),
        layout::archive_info(stanza),
        layout::backup_info(stanza),
    ];
    if let Some(newest) = info.entries().last() {
        paths.push(layout::set_path(stanza, &newest.label));
        paths.push(layout::manifest(stanza, &newest.label));
    }
    let found = match storage.info_many(&paths, InfoLevel::Detail) {
        Ok(found) => found,
        Err(error) => return vec![subject.not_tested(&REPO_MODE, error.to_string())],
    };
    let entries: Vec<(StoragePath, FileInfo)> = paths
        .into_iter()
        .zip(found)
        .filter_map(|(path, info)| Some((path, info?)))
        .collect();
    let mut findings = vec![modes(subject, settings, storage, &entries)];
    // Numbers of another host mean nothing here.
    if storage.kind() == StorageKind::Posix && settings.host.is_none() {
        findings.push(owner(context, subject, settings, storage, &entries));
    }
    findings
}

fn modes(
    subject: &Subject,
    settings: &RepoSettings,
    storage: &dyn Storage,
    entries: &[(StoragePath, FileInfo)],
) -> Finding {
    let on = match settings.sftp.is_some() || settings.host.is_some() {
        true => "on the server: ",
        false => "",
    };
    let mend = format!("{on}chmod -R o-rwx {}", shell_word(&settings.path));
    let shown = |path: &StoragePath, info: &FileInfo| {
        format!("'{}' has mode {:04o}", storage.display(path), info.mode)
    };
    if let Some((path, info)) = entries.iter().find(|(_, info)| is_open_for_writing(info)) {
        let seen = format!("everybody may change it: {}", shown(path, info));
        return subject.fail(&REPO_MODE, seen, mend);
    }
    let readable = entries
        .iter()
        .find(|(path, info)| info.kind == FileType::File && is_readable(path, info, entries));
    match readable {
        Some((path, info)) if settings.encrypted => subject.note(
            &REPO_MODE,
            format!("everybody may read it, encrypted: {}", shown(path, info)),
            mend,
        ),
        Some((path, info)) => subject.warn(
            &REPO_MODE,
            format!("everybody may read it: {}", shown(path, info)),
            mend,
        ),
        None => subject.ok(&REPO_MODE, "closed to others"),
    }
}

/// In a sticky directory nobody can touch what is not theirs.
fn is_open_for_writing(info: &FileInfo) -> bool {
    info.kind != FileType::Link && info.mode & 0o002 != 0 && info.mode & 0o1000 == 0
}

/// Whether others get to the file and may read it.
fn is_readable(path: &StoragePath, info: &FileInfo, entries: &[(StoragePath, FileInfo)]) -> bool {
    if info.mode & 0o004 == 0 {
        return false;
    }
    let mut above = path.parent();
    loop {
        let directory = entries.iter().find(|(path, _)| *path == above);
        if directory.is_some_and(|(_, info)| info.mode & 0o001 == 0) {
            return false;
        }
        if above.is_root() {
            return true;
        }
        above = above.parent();
    }
}

fn owner(
    context: &Context,
    subject: &Subject,
    settings: &RepoSettings,
    storage: &dyn Storage,
    entries: &[(StoragePath, FileInfo)],
) -> Finding {
    let user = &context.user;
    let other = entries.iter().find_map(|(path, info)| {
        // The repository's own directory may be root's, if those in it are not.
        let owner = info.owner.as_ref().filter(|_| !path.is_root())?;
        (owner.uid != user.uid).then_some((path, owner))
    });
    match other {
        None => subject.ok(&REPO_OWNER, format!("'{}'", user.name)),
        Some((path, owner)) => {
            let name = owner.user.clone().unwrap_or_else(|| owner.uid.to_string());
            let seen = format!(
                "'{}' belongs to '{name}', this run is '{}'",
                storage.display(path),
                user.name
            );
            let mend = format!(
                "run everything as one user: chown -R {} {}, or sudo -u {} pgkeep doctor",
                shell_word(&user.name),
                shell_word(&settings.path),
                shell_word(&name)
            );
            subject.warn(&REPO_OWNER, seen, mend)
        }
    }
}
