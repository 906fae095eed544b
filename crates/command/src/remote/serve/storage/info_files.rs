//! Info files and manifests without their encryption, for a client that is to learn the keys of the archive and of the sets that
//! it asks for, and never the repository's passphrase.
//!
//! `archive.info` holds the key of the archive, and a manifest that of its set, so these go as they are. The key in
//! `backup.info` opens every manifest: it is left out, and manifests are opened here.

use std::io::Write;

use pgkeep_pipeline::{Pipeline, Stage};
use pgkeep_protocol::Exchange;
use pgkeep_repo::{BackupInfo, BackupLabel, Manifest, Stanza, info_file, layout};
use pgkeep_storage::StoragePath;
use secrecy::SecretString;

use super::read;
use crate::error::{Error, ErrorCode};
use crate::hosts::Repository;
use crate::remote::serve::failure::{Failure, Served};
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::storage::{OpenRead, Opened, ReadEnd};

/// Sends the file in plain text; a manifest `without_key` also without that of its set.
pub(super) fn serve(
    (repository, stanza): (&Repository, &Stanza),
    exchange: &mut Exchange,
    path: &WireBytes,
    without_key: bool,
) -> Served<ReadEnd> {
    let storage = &*repository.storage;
    let asked = path.path()?;
    let is = |file: &StoragePath| asked == *file || asked == layout::copy_of(file);
    let pass = repository.pass.as_ref();
    let plain = |exchange: &mut Exchange, key: Option<SecretString>| {
        let request = OpenRead {
            path: path.clone(),
            ..OpenRead::default()
        };
        let decrypt = key.map(|pass| Stage::Decrypt { pass, raw: false });
        let pipeline = Pipeline::new(decrypt.into_iter().collect());
        read::serve(storage, exchange, &request, pipeline)
    };
    if is(&layout::archive_info(stanza)) {
        return plain(exchange, pass.cloned());
    }
    if is(&layout::backup_info(stanza)) {
        let mut info =
            info_file::load_one(storage, &asked, pass, BackupInfo::parse).map_err(lowered)?;
        info.cipher_pass = None;
        let mut text = Vec::new();
        info.write(&mut text, &info.version).map_err(lowered)?;
        return send(exchange, &text);
    }
    let label = asked.parent();
    let label = std::str::from_utf8(label.file_name()).unwrap_or_default();
    match label.parse::<BackupLabel>() {
        Ok(label) if is(&layout::manifest(stanza, &label)) => {
            let key = BackupInfo::load(storage, stanza, pass).map_err(lowered)?;
            let key = key.cipher_pass;
            if !without_key {
                return plain(exchange, key);
            }
            let manifest = info_file::load_one(storage, &asked, key.as_ref(), Manifest::parse);
            let mut manifest = manifest.map_err(lowered)?;
            manifest.cipher_pass = None;
            let mut text = Vec::new();
            manifest
                .write(&mut text, &manifest.version)
                .map_err(lowered)?;
            drop(manifest);
            send(exchange, &text)
        }
        _ => {
            let shown = storage.display(&asked);
            let text = format!("'{shown}' is no info file of the stanza");
            Err(Error::new(ErrorCode::Protocol, text).into())
        }
    }
}

/// Sends a text that is whole.
fn send(exchange: &mut Exchange, text: &[u8]) -> Served<ReadEnd> {
    exchange.send(&Opened {})?;
    let sent = exchange.write_all(text);
    sent.map_err(pgkeep_protocol::Error::from_stream)?;
    Ok(ReadEnd {
        size: text.len() as u64,
        ..ReadEnd::default()
    })
}

/// With the error of the storage behind it, so that a missing file is one there too.
fn lowered(error: pgkeep_repo::Error) -> Failure {
    match (error.kind, &error.storage) {
        (
            pgkeep_repo::ErrorType::Storage(..) | pgkeep_repo::ErrorType::Refused(_),
            Some(behind),
        ) => (**behind).clone().into(),
        _ => Error::from(error).into(),
    }
}
