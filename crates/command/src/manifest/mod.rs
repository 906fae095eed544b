//! `manifest`: shows what the manifest of one backup says. An internal command, for people who look into a repository.
//!
//! Text and JSON are those of pgBackRest. With `--filter` exactly one file is shown, with the reads that its block map needs.

mod block_delta;
mod json;
mod settings;
mod text;

use std::sync::Arc;

use pgkeep_repo::manifest::FileRef;
use pgkeep_repo::{BackupInfo, Manifest};
use pgkeep_storage::wrap::read_only::ReadOnly;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::report::size_text::size_text;
use crate::run::Context;
use crate::run::summary::count;
use block_delta::{BlockDelta, DeltaReader};
use settings::{Reference, Settings};

/// Prints the manifest.
///
/// # Errors
/// A backup or file that is not there, or cannot be loaded.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    let mut repository = repository::open(context, settings.repo_key)?;
    repository.storage = Arc::new(ReadOnly::new(repository.storage));
    let storage = &*repository.storage;
    let info = BackupInfo::load(storage, &settings.stanza, repository.pass.as_ref())?;
    let manifest = Manifest::load(
        storage,
        &settings.stanza,
        &settings.set,
        info.cipher_pass.as_ref(),
    )?;
    let files = chosen(&settings, &manifest)?;
    let reader = DeltaReader {
        context,
        settings: &settings,
        storage,
        manifest: &manifest,
    };
    let delta = |file: &FileRef<'_>| -> Result<Option<BlockDelta>> {
        match &settings.filter {
            Some(_) if file.block.is_some() => reader.read(file).map(Some),
            _ => Ok(None),
        }
    };
    let size: u64 = files.iter().map(|at| manifest.file_at(*at).size).sum();
    context.summary.done(format!(
        "{} of {} in {}, {}",
        count(files.len() as u64, "file"),
        settings.set,
        repository.name(),
        size_text(size)
    ));
    if settings.json {
        json::print(context, &manifest, &files, &delta)
    } else {
        text::print(context, &manifest, &files, &delta)
    }
}

/// Positions of the files to show.
fn chosen(settings: &Settings, manifest: &Manifest) -> Result<Vec<usize>> {
    if let Some(name) = &settings.filter {
        let at = manifest.file_position(name.as_bytes()).ok_or_else(|| {
            Error::new(
                ErrorCode::Assert,
                format!("unable to find '{name}' in manifest file list"),
            )
        })?;
        return Ok(vec![at]);
    }
    let wanted = |at: &usize| {
        let file = manifest.file_at(*at);
        let holder = file.reference_label();
        match &settings.reference {
            None => true,
            Some(Reference::Latest) => holder.is_none(),
            Some(Reference::Of(text)) => holder.is_some_and(|label| label.as_str() == text),
        }
    };
    Ok((0..manifest.file_count()).filter(wanted).collect())
}
