//! What becomes of each entry of the data directory. It does no I/O: entries come in, a manifest grows, links wait to be
//! followed.

use std::collections::HashSet;

use pgkeep_pipeline::Sha1Digest;
use pgkeep_postgres::data_dir::{Rules, TABLESPACE_LINKS, is_temporary, unlogged_candidate};
use pgkeep_storage::{FileInfo, FileType};

use super::found_link::FoundLink;
use super::link_check::LinkCheck;
use super::{BuildSettings, Built, Notice};
use crate::backup_type::BackupType;
use crate::error::{Error, ErrorType, Result};
use crate::manifest::{
    BackupHeader, BackupOptions, BlockFile, FileData, Manifest, PG_DATA, PageCheck, Path, PgInfo,
    Target, TargetKind, pg_name,
};

/// Where an entry was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Manifest name of its directory.
    pub(super) parent: &'a [u8],
    /// Path of its directory as seen from the data directory (through links), for messages.
    pub(super) pg_path: &'a [u8],
}

/// Grows a manifest.
pub(super) struct Visitor<'s> {
    pub(super) settings: &'s BuildSettings,
    pub(super) rules: Rules,
    pub(super) manifest: Manifest,
    pub(super) exclude_entry: HashSet<Vec<u8>>,
    pub(super) exclude_content: HashSet<Vec<u8>>,
    pub(super) link_check: LinkCheck,
    pub(super) links: Vec<FoundLink>,
    pub(super) notices: Vec<Notice>,
    pub(super) name: Vec<u8>,
}

impl<'s> Visitor<'s> {
    /// Begins with the data directory itself.
    pub(super) fn new(settings: &'s BuildSettings, base: &FileInfo) -> Self {
        let mut backup = BackupHeader::new(BackupType::Full, settings.timestamp_start);
        backup.bundle = settings.bundle;
        backup.block_incr = settings.block.is_some();
        // Inherited by the whole set: a diff or incr takes the prior's value.
        backup.bundle_raw = settings.block.is_some();
        let pg = PgInfo {
            id: 0,
            system_id: 0,
            version: settings.version.to_string(),
            catalog_version: settings.catalog_version,
            control_version: settings.control_version,
        };
        let options = BackupOptions {
            online: settings.online,
            checksum_page: Some(settings.checksum_page),
            ..BackupOptions::default()
        };
        let mut visitor = Self {
            settings,
            rules: Rules::new(settings.version, settings.catalog_version, settings.online),
            manifest: Manifest::new(backup, pg, options),
            exclude_entry: HashSet::new(),
            exclude_content: HashSet::new(),
            link_check: LinkCheck::default(),
            links: Vec::new(),
            notices: Vec::new(),
            name: Vec::new(),
        };
        for exclude in &settings.exclude {
            let name = [PG_DATA, b"/", exclude].concat();
            match name.strip_suffix(b"/") {
                Some(name) => visitor.exclude_content.insert(name.to_vec()),
                None => visitor.exclude_entry.insert(name),
            };
        }
        visitor.add_path(PG_DATA, base);
        visitor.manifest.add_target(Target {
            name: PG_DATA.to_vec(),
            path: settings.pg_path.clone(),
            kind: TargetKind::Path,
        });
        visitor
    }

    pub(super) fn owners(
        &mut self,
        info: &FileInfo,
    ) -> (
        Option<crate::manifest::OwnerId>,
        Option<crate::manifest::OwnerId>,
    ) {
        let owner = info.owner.as_ref();
        let user = self
            .manifest
            .owner_id(owner.and_then(|owner| owner.user.as_deref()));
        let group = self
            .manifest
            .owner_id(owner.and_then(|owner| owner.group.as_deref()));
        (user, group)
    }

    fn add_path(&mut self, name: &[u8], info: &FileInfo) {
        let (user, group) = self.owners(info);
        self.manifest.add_path(Path {
            name: name.to_vec(),
            mode: info.mode,
            user,
            group,
        });
    }

    /// Takes one entry; `true` if it is a directory that is to be entered.
    pub(super) fn entry(&mut self, place: Place<'_>, base: &[u8], info: &FileInfo) -> Result<bool> {
        if is_temporary(base) {
            return Ok(false);
        }
        let mut name = std::mem::take(&mut self.name);
        name.clear();
        name.extend_from_slice(place.parent);
        name.push(b'/');
        name.extend_from_slice(base);
        let enter = self.named_entry(place, base, &name, info);
        self.name = name;
        enter
    }

    fn named_entry(
        &mut self,
        place: Place<'_>,
        base: &[u8],
        name: &[u8],
        info: &FileInfo,
    ) -> Result<bool> {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let full = || format!("{}/{}", lossy(place.pg_path), lossy(base));
        if self.exclude_entry.contains(name) {
            let exclusion = lossy(pg_name(name));
            let text = format!(
                "exclude '{}' from backup using '{exclusion}' exclusion",
                full()
            );
            self.notices.push(Notice::Info(text));
            return Ok(false);
        }
        let expects_link = place.parent == TABLESPACE_LINKS;
        match info.kind {
            FileType::Path | FileType::File if expects_link => Err(Error::new(
                ErrorType::LinkExpected,
                format!(
                    "'{}' is not a symlink - pg_tblspc should contain only symlinks",
                    lossy(name)
                ),
            )),
            FileType::Path => {
                self.add_path(name, info);
                if self.exclude_content.contains(name) {
                    let exclusion = lossy(pg_name(name));
                    let text = format!(
                        "exclude contents of '{}' from backup using '{exclusion}/' exclusion",
                        full()
                    );
                    self.notices.push(Notice::Info(text));
                    return Ok(false);
                }
                Ok(!self.rules.keeps_directory_empty(place.parent, base))
            }
            FileType::File => {
                self.file(place.parent, base, name, info);
                Ok(false)
            }
            FileType::Link => {
                self.link(place, base, name, info)?;
                Ok(false)
            }
            FileType::Special => {
                self.notices.push(Notice::Warn(format!(
                    "exclude special file '{}' from backup",
                    full()
                )));
                Ok(false)
            }
        }
    }

    fn file(&mut self, parent: &[u8], base: &[u8], name: &[u8], info: &FileInfo) {
        let in_database = self.rules.is_database_dir(parent);
        if self.rules.skips_file(parent, base, in_database) {
            return;
        }
        let (user, group) = self.owners(info);
        // A file of nothing needs no slice of a bundle.
        let bundled_empty = info.size == 0 && self.settings.bundle;
        let block = self
            .settings
            .block
            .as_ref()
            .filter(|_| info.size != 0)
            .and_then(|rules| {
                let age = self.settings.timestamp_start.saturating_sub(info.modified);
                let size = rules.block_size(info.size, age)?;
                Some(BlockFile {
                    size,
                    checksum_size: rules.checksum_size(size) as u32,
                    map_size: 0,
                })
            });
        let checks_pages =
            in_database && self.settings.checksum_page && self.rules.has_page_checksums(name);
        let data = FileData {
            size: info.size,
            size_original: info.size,
            repo_size: info.size,
            timestamp: info.modified,
            checksum: bundled_empty.then_some(Sha1Digest::EMPTY),
            page_check: if checks_pages {
                PageCheck::Valid
            } else {
                PageCheck::None
            },
            block,
            mode: info.mode,
            user,
            group,
            copy: !bundled_empty,
            ..FileData::default()
        };
        self.manifest
            .files
            .push(name, &super::super::table::known(&data), &data);
    }

    /// Ends the build: puts files in order and leaves unlogged relations out.
    pub(super) fn finish(mut self) -> Result<Built> {
        self.manifest.files.sort();
        // Only now all init forks are known: they sort behind most relations.
        let init_forks: HashSet<Vec<u8>> = (0..self.manifest.files.len())
            .map(|at| self.manifest.files.name(at))
            .filter(|name| name.base().ends_with(b"_init"))
            .map(|name| name.to_vec())
            .collect();
        if !init_forks.is_empty() {
            let rules = &self.rules;
            self.manifest.files.retain(|table, at| {
                let name = table.name(at);
                let unlogged = name
                    .directory()
                    .filter(|directory| rules.is_database_dir(directory))
                    .is_some_and(|directory| {
                        unlogged_candidate(name.base()).is_some_and(|init| {
                            init_forks.contains(&[directory, b"/", &init].concat())
                        })
                    });
                !unlogged
            });
        }
        Ok(Built {
            manifest: self.manifest,
            notices: self.notices,
        })
    }
}
