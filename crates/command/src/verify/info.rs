//! Reads `archive.info`, `backup.info` and manifests in a way that tells main and copy apart.
//!
//! The main file is loaded and its plain text hashed; the copy is only hashed, unless the main file cannot be used.

use std::io::{BufRead, BufReader};

use pgkeep_pipeline::{Pipeline, RunningReader, Sha1Digest, Stage};
use pgkeep_repo::{ArchiveInfo, BackupInfo, Stanza, layout};
use pgkeep_storage::{ReadOptions, Storage, StoragePath, in_parallel};
use secrecy::SecretString;

use super::findings::Findings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// Parses the plain text of a file to its end.
type Parse<'a, T> = &'a dyn Fn(&mut dyn BufRead) -> pgkeep_repo::Result<T>;

/// Both files; the inner error is the text of the result when one of them cannot be used.
pub(super) fn load(
    repository: &Repository,
    stanza: &Stanza,
    findings: &mut Findings,
) -> Result<std::result::Result<(ArchiveInfo, BackupInfo), String>> {
    let mut bad = Vec::new();
    let mut missing = Vec::new();
    let backup = Named {
        repository,
        path: layout::backup_info(stanza),
        place: "BACKUP",
        name: layout::BACKUP_INFO,
        parse: &BackupInfo::parse,
    };
    let archive = Named {
        repository,
        path: layout::archive_info(stanza),
        place: "ARCHIVE",
        name: layout::ARCHIVE_INFO,
        parse: &ArchiveInfo::parse,
    };
    let (of_backup, of_archive) =
        in_parallel(&*repository.storage, || backup.read(), || archive.read())?;
    let backup = backup.choose(of_backup, &mut bad)?;
    if backup.is_none() {
        missing.push(layout::BACKUP_INFO);
    }
    let archive = archive.choose(of_archive, &mut bad)?;
    if archive.is_none() {
        missing.push(layout::ARCHIVE_INFO);
    }
    for (file, reason) in bad {
        findings.one_of_two(&file, &reason);
    }
    let mut text = String::new();
    for name in missing {
        findings.add(ErrorCode::FileInvalid);
        text.push_str(&format!("\n  No usable {name} file"));
    }
    Ok(archive.zip(backup).ok_or(text))
}

/// An info file and its copy.
struct Named<'a, T> {
    repository: &'a Repository,
    path: StoragePath,
    place: &'a str,
    name: &'a str,
    parse: &'a (dyn Fn(&mut dyn BufRead) -> pgkeep_repo::Result<T> + Sync),
}

/// What came of reading the main file, and of hashing the copy.
type Read<T> = (Result<(T, Sha1Digest)>, Result<((), Sha1Digest)>);

impl<T: Send> Named<'_, T> {
    /// Reads both files, and logs nothing.
    fn read(&self) -> Result<Read<T>> {
        let (storage, pass) = (&*self.repository.storage, self.repository.pass.as_ref());
        let copy = layout::copy_of(&self.path);
        in_parallel(
            storage,
            || Ok(hashed(storage, &self.path, pass, self.parse)),
            || Ok(hashed(storage, &copy, pass, &|_| Ok(()))),
        )
    }

    /// The content of the main file, or else of the copy; the log says what was wrong, and so does `bad` where the other one can
    /// be used.
    fn choose(
        &self,
        (main, copied): Read<T>,
        bad: &mut Vec<(String, String)>,
    ) -> Result<Option<T>> {
        let shown = format!("<REPO:{}>/{}", self.place, self.name);
        let shown_copy = format!("{shown}.copy");
        let (storage, pass) = (&*self.repository.storage, self.repository.pass.as_ref());
        let copy = layout::copy_of(&self.path);
        let load_copy = || usable(hashed(storage, &copy, pass, self.parse), &shown_copy);
        let (value, sha1) = match usable(main, &shown)? {
            Ok(main) => main,
            Err(reason) => {
                return Ok(load_copy()?.ok().map(|(value, _)| {
                    bad.push((shown, reason));
                    value
                }));
            }
        };
        match usable(copied, &shown_copy)? {
            Ok(((), copied)) if copied != sha1 => {
                crate::detail!("{0}.copy does not match {0}", self.name);
                // Read only now: another content may be one that an interrupted run left.
                if let Err(reason) = load_copy()? {
                    bad.push((shown_copy, reason));
                }
            }
            Ok(_) => {}
            Err(reason) => bad.push((shown_copy, reason)),
        }
        Ok(Some(value))
    }
}

/// What was loaded, or the reason why nothing was, which is in the log too. A repository that is out of reach ends the run.
fn usable<T>(loaded: Result<T>, shown: &str) -> Result<std::result::Result<T, String>> {
    match loaded {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.is_about_the_storage() => Err(error),
        // A refusal of the other host is no damage.
        Err(error) if error.code == ErrorCode::Access => Err(error),
        Err(error) => {
            log_unusable(&error, shown);
            Ok(Err(error.text()))
        }
    }
}

/// Says why a file cannot be used; `shown` is its name where the message has none.
pub(super) fn log_unusable(error: &Error, shown: &str) {
    match error.code {
        ErrorCode::Checksum => crate::detail!("{} {shown}", error.text()),
        _ => crate::detail!("{}", error.text()),
    }
}

/// Loads exactly `path`, with the SHA-1 of its plain text.
pub(super) fn hashed<T>(
    storage: &dyn Storage,
    path: &StoragePath,
    pass: Option<&SecretString>,
    parse: Parse<'_, T>,
) -> Result<(T, Sha1Digest)> {
    let read = storage.open_read(path, &ReadOptions::default())?;
    let mut stages: Vec<Stage> = pass
        .map(|pass| Stage::Decrypt {
            pass: pass.clone(),
            raw: false,
        })
        .into_iter()
        .collect();
    stages.push(Stage::Sha1);
    let running = Pipeline::new(stages).start(BUFFER);
    let mut plain = BufReader::with_capacity(BUFFER, RunningReader::new(read, running, BUFFER));
    let parsed = parse(&mut plain);
    // Also after an error: only the end of the stream proves that the passphrase was wrong.
    let rest = std::io::copy(&mut plain, &mut std::io::sink()).map_err(Error::from);
    let value = match (parsed, rest) {
        (Ok(value), Ok(_)) => value,
        (Err(_), Err(error)) if error.code == ErrorCode::Crypto => return Err(error),
        (Err(error), _) => return Err(error.into()),
        (Ok(_), Err(error)) => return Err(error),
    };
    let (_, reports) = plain.into_inner().into_parts();
    let sha1 = reports
        .unwrap_or_default()
        .last()
        .and_then(pgkeep_pipeline::Report::sha1);
    let sha1 =
        sha1.ok_or_else(|| Error::new(ErrorCode::Assert, "a file was read but not hashed"))?;
    Ok((value, sha1))
}
