//! A backup that is encrypted on one side only: its files are written in another way, and its manifest says where they are then.

use pgkeep_repo::backup_info::{BackupEntry, MapSize};
use pgkeep_repo::cipher_keys::dependent_pass;
use pgkeep_repo::{BackupInfo, BackupLabel, Manifest, layout};

use super::chain::{Chain, Places, Side};
use super::piece::CopyFile;
use super::plan::full_of;
use super::rewriter::{Rewriter, Rewritten};
use super::set_files::{SetFiles, is_own};
use super::settings::Settings;
use super::sides::Sides;
use super::transfer::{Transfer, Transferred};
use crate::error::{Error, ErrorCode, Result};

/// What backups are rewritten with.
pub(super) struct Rewrite<'a> {
    pub settings: &'a Settings,
    pub sides: &'a Sides,
    /// The list of the target.
    pub info: &'a BackupInfo,
    pub transfer: &'a Transfer<'a>,
}

impl Rewrite<'_> {
    /// Writes the files of a backup; hands back what became of them, and changes its manifest and its entry to what the target has.
    ///
    /// # Errors
    /// Those of the storages, and a stop.
    pub(super) fn run(
        &self,
        chain: &mut Chain,
        manifest: &mut Manifest,
        entry: &mut BackupEntry,
    ) -> Result<Transferred> {
        let label = entry.label.clone();
        let (mut result, places) = self.files(chain, manifest, &label)?;
        if !result.faults.is_empty() {
            return Ok(result);
        }
        if let Err(error) = enter(manifest, chain, &places, &label) {
            let path = layout::manifest(&self.settings.stanza, &label);
            result.faults.push((path, error.into()));
            return Ok(result);
        }
        manifest.cipher_pass.clone_from(&chain.key);
        chain.add(label, places);
        let totals = manifest.totals();
        entry.repo_size = totals.repo_size;
        entry.repo_size_delta = totals.repo_size_delta;
        entry.repo_size_map = entry.repo_size_map.map(|_| MapSize {
            all: totals.map_size,
            delta: totals.map_size_delta,
        });
        Ok(result)
    }

    /// The chain of a backup, with all that it refers to.
    ///
    /// # Errors
    /// A chain that the target has from elsewhere, or damaged; those of the storages.
    pub(super) fn chain<'c>(
        &self,
        chains: &'c mut Option<Chain>,
        manifest: &Manifest,
        entry: &BackupEntry,
    ) -> Result<&'c mut Chain> {
        let full = full_of(entry);
        let name = full.clone().unwrap_or_else(|| entry.label.clone());
        if chains.as_ref().is_none_or(|chain| chain.full != name) || full.is_none() {
            let pass = self.info.cipher_pass.as_ref();
            let key = match &full {
                // A backup that is begun anew gets another key: what a former run left of it is written over.
                None => dependent_pass(pass)?,
                Some(full) => {
                    let (to, stanza) = (&*self.sides.to.storage, &self.settings.stanza);
                    Manifest::load(to, stanza, full, pass)?.cipher_pass
                }
            };
            *chains = Some(Chain::new(name, key));
        }
        let chain = chains.as_mut().expect("it was put there, if it was not");
        for other in &manifest.references {
            if *other != entry.label {
                let source = Side {
                    repository: &self.sides.from,
                    info: &self.sides.source.backup,
                };
                let target = Side {
                    repository: &self.sides.to,
                    info: self.info,
                };
                chain.load(self.settings, (source, target), other)?;
            }
        }
        Ok(chain)
    }

    fn files(
        &self,
        chain: &Chain,
        manifest: &Manifest,
        label: &BackupLabel,
    ) -> Result<(Transferred, Places)> {
        let worker = &self.transfer.worker;
        let rewriter = Rewriter {
            from: std::sync::Arc::clone(&worker.from),
            to: std::sync::Arc::clone(&worker.to),
            cancel: worker.cancel.clone(),
            buffer_size: worker.buffer_size,
            buffers: &worker.buffers,
            moved: std::sync::Arc::clone(&worker.moved),
            manifest,
            label,
            chain,
        };
        let mut files = SetFiles::of(&self.settings.stanza, label, manifest);
        let (mut result, mut places) = (Transferred::default(), Places::new());
        let mut done = |file: CopyFile, rewritten: Rewritten| match rewritten {
            Ok(pieces) => {
                result.files += 1;
                result.bytes += file.size;
                places.extend(pieces.into_iter().map(|(at, place)| {
                    let name = manifest.file_at(at as usize).name.to_vec();
                    (name.into(), place)
                }));
            }
            Err(fault) => result.faults.push((file.path, fault)),
        };
        // Its files have another key each time it is begun: none is kept.
        self.transfer.run_with(
            (&mut files, false),
            &|files: &Vec<CopyFile>| rewriter.run(files),
            &mut done,
        )?;
        Ok((result, places))
    }
}

/// Enters the new places of all files: its own, and those that other backups of the chain hold.
fn enter(
    manifest: &mut Manifest,
    chain: &Chain,
    places: &Places,
    label: &BackupLabel,
) -> Result<()> {
    for at in 0..manifest.file_count() {
        let file = manifest.file_at(at);
        let name = file.name.to_vec();
        let place = match file.reference_label() {
            Some(other) if other != label && file.size > 0 => chain.place(other, &name),
            _ if is_own(&file, label, manifest) => places.get(&name[..]),
            // It has no stored bytes.
            _ => continue,
        };
        let place = place.ok_or_else(|| {
            Error::new(
                ErrorCode::Format,
                format!(
                    "file '{}' of backup {label} is in none of the backups it refers to",
                    file.name
                ),
            )
        })?;
        let mut data = file.data.clone();
        place.enter(&mut data);
        manifest.update_file_at(at, &data);
    }
    Ok(())
}
