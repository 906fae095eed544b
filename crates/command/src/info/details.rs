//! The order in which backups are shown, and what a manifest adds for the one that was asked for.

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::manifest::{Manifest, PageCheck, TargetKind};

use super::settings::Settings;
use crate::stanzas::{RepositoryReport, StanzaReport};

/// A backup and the repository that holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) entry: &'a BackupEntry,
    pub(super) repository: &'a RepositoryReport,
}

/// Backups of all repositories, merged by stop time; each repository's own order is kept.
pub(super) fn backups<'a>(settings: &Settings, stanza: &'a StanzaReport) -> Vec<Shown<'a>> {
    let mut lists: Vec<(
        &RepositoryReport,
        std::iter::Peekable<std::slice::Iter<'_, BackupEntry>>,
    )> = stanza
        .repositories
        .iter()
        .filter_map(|report| {
            Some((
                report,
                report.backup_info.as_ref()?.entries().iter().peekable(),
            ))
        })
        .collect();
    let mut shown = Vec::new();
    loop {
        let next = lists
            .iter_mut()
            .enumerate()
            .filter_map(|(at, (_, list))| list.peek().map(|entry| (entry.timestamp_stop, at)))
            .min();
        let Some((_, at)) = next else { return shown };
        let (repository, list) = &mut lists[at];
        let Some(entry) = list.next() else {
            return shown;
        };
        let is_requested = settings
            .set
            .as_ref()
            .is_none_or(|set| set.label.as_ref() == Some(&entry.label));
        let is_type = settings
            .backup_type
            .is_none_or(|wanted| wanted == entry.backup_type);
        if is_requested && is_type {
            shown.push(Shown { entry, repository });
        }
    }
}

/// A place outside the data directory.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: Vec<u8>,
    pub(super) destination: Vec<u8>,
    /// Tablespaces only.
    pub(super) oid: Option<u32>,
}

/// Databases but the templates, in manifest order.
pub(super) fn databases(manifest: &Manifest) -> Vec<(Vec<u8>, u32)> {
    let is_template = |name: &[u8]| matches!(name, b"template0" | b"template1");
    manifest
        .databases()
        .iter()
        .filter(|database| !is_template(&database.name))
        .map(|database| (database.name.clone(), database.oid))
        .collect()
}

/// Links that are not tablespaces.
pub(super) fn links(manifest: &Manifest) -> Vec<Place> {
    let mut places = Vec::new();
    for target in manifest.targets() {
        match &target.kind {
            TargetKind::Link { file: Some(file) } => {
                let destination = [&target.path[..], b"/", file].concat();
                places.push(Place {
                    name: file.clone(),
                    destination,
                    oid: None,
                });
            }
            TargetKind::Link { file: None } => {
                let name = pgkeep_repo::manifest::pg_name(&target.name).to_vec();
                places.push(Place {
                    name,
                    destination: target.path.clone(),
                    oid: None,
                });
            }
            _ => {}
        }
    }
    places
}

pub(super) fn tablespaces(manifest: &Manifest) -> Vec<Place> {
    manifest
        .targets()
        .iter()
        .filter_map(|target| match &target.kind {
            TargetKind::Tablespace { oid, name } => Some(Place {
                name: name.clone(),
                destination: target.path.clone(),
                oid: Some(*oid),
            }),
            _ => None,
        })
        .collect()
}

/// Names of files with page checksum errors.
pub(super) fn errors(manifest: &Manifest) -> Vec<Vec<u8>> {
    manifest
        .files()
        .filter(|file| matches!(file.page_check, PageCheck::Invalid(_)))
        .map(|file| pgkeep_repo::manifest::pg_name(&file.name.to_vec()).to_vec())
        .collect()
}
