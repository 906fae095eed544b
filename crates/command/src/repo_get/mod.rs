//! `repo-get`: copies a file of a repository to standard output, decrypted but not decompressed.

use std::io::Read;

use pgkeep_config::option;
use pgkeep_pipeline::{Pipeline, RunningReader, Stage};
use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, Stanza};
use pgkeep_storage::{ReadOptions, StoragePath};
use secrecy::SecretString;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, repository};
use crate::report::size_text::size_text;
use crate::run::{Context, repo_path};

/// Bytes copied at a time.
const BUFFER: usize = 256 * 1024;

/// Copies the file; the status is 1 when it is missing and `--ignore-missing` was given.
///
/// # Errors
/// A missing file, a path that is not valid, a pass-phrase that does not fit.
pub fn run(context: &Context) -> Result<u8> {
    let config = &context.config;
    let [file] = config.parameters() else {
        return Err(
            Error::new(ErrorCode::ParamRequired, "source file required").with_hint(
                "name one file of the repository, for example: repo-get backup/main/backup.info",
            ),
        );
    };
    let repository = repository::open(context, repository::default_key(config))?;
    let storage = &*repository.storage;
    let path = repo_path::parse(storage, file)?;
    let pass = match &repository.pass {
        Some(main) if !config.boolean(option::RAW) => {
            Some(pass_of(context, &repository, main, &path)?)
        }
        _ => None,
    };
    let read = match storage.open_read(&path, &ReadOptions::default()) {
        Ok(read) => read,
        Err(error) if error.is_not_found() && config.boolean(option::IGNORE_MISSING) => {
            context
                .summary
                .done(format!("{path} is not in {}", repository.name()));
            return Ok(1);
        }
        Err(error) => return Err(error.into()),
    };
    let decrypted = pass.is_some();
    let mut read: Box<dyn Read> = match pass {
        None => Box::new(read),
        Some(pass) => {
            let stages = vec![Stage::Decrypt { pass, raw: false }];
            Box::new(RunningReader::new(
                read,
                Pipeline::new(stages).start(BUFFER),
                BUFFER,
            ))
        }
    };
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        context.cancel.check()?;
        let size = read.read(&mut buffer)?;
        if size == 0 {
            context.summary.done(format!(
                "{} of {} in {}{}",
                size_text(total),
                path,
                repository.name(),
                if decrypted { ", decrypted" } else { "" }
            ));
            return Ok(0);
        }
        total += size as u64;
        context.output.write(&buffer[..size])?;
    }
}

/// The pass-phrase of a file by its place in the chain of them (`docs/format/compression-and-encryption.md`).
fn pass_of(
    context: &Context,
    repository: &Repository,
    main: &SecretString,
    path: &StoragePath,
) -> Result<SecretString> {
    let text = path.to_string();
    let parts: Vec<&str> = text.split('/').collect();
    let unknown = || {
        Error::new(
            ErrorCode::OptionInvalidValue,
            format!("unable to determine cipher passphrase for '{path}'"),
        )
        .with_hint("use --raw to get the file as it is stored.")
    };
    let [area, stanza_name, below @ ..] = &parts[..] else {
        return Err(unknown());
    };
    let (Some(first), Some(name)) = (below.first(), below.last()) else {
        return Err(unknown());
    };
    if context
        .config
        .stanza()
        .is_some_and(|stanza| stanza != *stanza_name)
    {
        let stanza = context.config.stanza().unwrap_or_default();
        return Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!("stanza name '{stanza}' given in option doesn't match the given path"),
        ));
    }
    let stanza = Stanza::new(*stanza_name)?;
    let storage = &*repository.storage;
    let found = match *area {
        "archive" if matches!(*name, "archive.info" | "archive.info.copy") => Some(main.clone()),
        "archive" => ArchiveInfo::load(storage, &stanza, Some(main))?.cipher_pass,
        "backup" if matches!(*name, "backup.info" | "backup.info.copy") => Some(main.clone()),
        "backup" => {
            let manifests = BackupInfo::load(storage, &stanza, Some(main))?.cipher_pass;
            if *first == "backup.history"
                || matches!(*name, "backup.manifest" | "backup.manifest.copy")
            {
                manifests
            } else {
                let label: BackupLabel = first.parse().map_err(|_| unknown())?;
                Manifest::load(storage, &stanza, &label, manifests.as_ref())?.cipher_pass
            }
        }
        _ => None,
    };
    found.ok_or_else(unknown)
}
