//! What becomes of each entry of the data directory. Pure: entries come in, a manifest grows, links wait to be followed.

use std::collections::HashSet;

use pgkeep_pipeline::Sha1Digest;
use pgkeep_postgres::data_dir::{Rules, TABLESPACE_LINKS, is_temporary, unlogged_candidate};
use pgkeep_storage::{FileInfo, FileType};

use super::link_check::LinkCheck;
use super::{BuildSettings, Built, Notice};
use crate::backup_type::BackupType;
use crate::error::{Error, ErrorType, Result};
use crate::manifest::path::{absolute, base, parent};
use crate::manifest::{
    BackupHeader, BackupOptions, BlockFile, FileData, Link, Manifest, PG_DATA, PG_TBLSPC,
    PageCheck, Path, PgInfo, Target, TargetKind, pg_name,
};

/// Where an entry was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Manifest name of its directory.
    pub(super) parent: &'a [u8],
    /// Path of its directory as seen from the data directory (through links), for messages.
    pub(super) pg_path: &'a [u8],
}

/// A link whose destination must be looked at.
#[derive(Debug)]
pub(super) struct FoundLink {
    /// Manifest name of the link.
    name: Vec<u8>,
    /// Directory that holds the link, as seen from the data directory.
    pub(super) pg_path: Vec<u8>,
    /// Absolute destination.
    pub(super) destination: Vec<u8>,
    written: Vec<u8>,
    tablespace: Option<u32>,
}

/// What is at the end of a link.
#[derive(Debug)]
pub(super) enum Destination {
    Missing,
    /// Directory, file or special; a link is refused before.
    Entry(FileInfo),
}

/// How the destination of a link is walked: as the link's own name, or as a directory of a tablespace.
#[derive(Debug)]
pub(super) struct LinkedEntry {
    pub(super) parent: Vec<u8>,
    pub(super) pg_path: Vec<u8>,
    pub(super) name: Vec<u8>,
}

/// Grows a manifest.
pub(super) struct Visitor<'s> {
    settings: &'s BuildSettings,
    rules: Rules,
    manifest: Manifest,
    exclude_entry: HashSet<Vec<u8>>,
    exclude_content: HashSet<Vec<u8>>,
    link_check: LinkCheck,
    links: Vec<FoundLink>,
    notices: Vec<Notice>,
    name: Vec<u8>,
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

    fn owners(
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

    fn link(&mut self, place: Place<'_>, base: &[u8], name: &[u8], info: &FileInfo) -> Result<()> {
        let written = info.link_destination.clone().unwrap_or_default();
        let (user, group) = self.owners(info);
        let tablespace = if place.parent == TABLESPACE_LINKS {
            let oid = std::str::from_utf8(base)
                .ok()
                .and_then(|oid| oid.parse().ok())
                .ok_or_else(|| {
                    let base = String::from_utf8_lossy(base).into_owned();
                    Error::format(format!(
                        "unable to convert base 10 string '{base}' to unsigned int"
                    ))
                })?;
            Some(oid)
        } else {
            None
        };
        self.manifest.add_link(Link {
            name: name.to_vec(),
            destination: written.clone(),
            user,
            group,
        });
        self.links.push(FoundLink {
            name: name.to_vec(),
            pg_path: place.pg_path.to_vec(),
            destination: absolute(&written, place.pg_path),
            written,
            tablespace,
        });
        Ok(())
    }

    /// Links found since the last call.
    pub(super) fn take_links(&mut self) -> Vec<FoundLink> {
        std::mem::take(&mut self.links)
    }

    /// The directory of this cluster in a tablespace.
    pub(super) fn tablespace_directory(&self, link: &FoundLink) -> Option<&[u8]> {
        link.tablespace.map(|_| self.rules.tablespace_dir())
    }

    /// Refuses a link whose destination is a link.
    pub(super) fn refuse_chain(&self, link: &FoundLink) -> Error {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Error::new(
            ErrorType::LinkDestination,
            format!(
                "link '{}/{}' cannot reference another link '{}'",
                lossy(&link.pg_path),
                lossy(base(&link.name)),
                lossy(&link.destination)
            ),
        )
    }

    /// Records where a link leads and checks it; returns how its destination is to be walked.
    pub(super) fn linked(
        &mut self,
        link: &FoundLink,
        destination: &Destination,
    ) -> Result<LinkedEntry> {
        let target = match (link.tablespace, destination) {
            (Some(oid), _) => {
                let name = self.tablespace_name(oid)?;
                self.add_tablespace_paths(link);
                Target {
                    name: pg_name(&link.name).to_vec(),
                    path: link.written.clone(),
                    kind: TargetKind::Tablespace { oid, name },
                }
            }
            (None, Destination::Entry(info)) if info.kind != FileType::Path => Target {
                name: link.name.clone(),
                path: parent(&link.written).to_vec(),
                kind: TargetKind::Link {
                    file: Some(base(&link.written).to_vec()),
                },
            },
            (None, _) => Target {
                name: link.name.clone(),
                path: link.written.clone(),
                kind: TargetKind::Link { file: None },
            },
        };
        self.manifest.add_target(target.clone());
        self.link_check.add(&self.manifest, &target)?;
        Ok(match link.tablespace {
            None => LinkedEntry {
                parent: parent(&link.name).to_vec(),
                pg_path: link.pg_path.clone(),
                name: base(&link.name).to_vec(),
            },
            Some(_) => LinkedEntry {
                parent: pg_name(&link.name).to_vec(),
                pg_path: [&link.pg_path, &b"/"[..], base(&link.name)].concat(),
                name: self.rules.tablespace_dir().to_vec(),
            },
        })
    }

    fn tablespace_name(&self, oid: u32) -> Result<Vec<u8>> {
        let Some(tablespaces) = &self.settings.tablespaces else {
            return Ok(format!("ts{oid}").into_bytes());
        };
        let found = tablespaces.iter().find(|tablespace| tablespace.oid == oid);
        found
            .map(|tablespace| tablespace.name.clone())
            .ok_or_else(|| {
                Error::new(
                    ErrorType::Assert,
                    format!("tablespace with oid {oid} not found in tablespace map"),
                )
                .with_hint("was a tablespace created or dropped during the backup?")
            })
    }

    /// The format has entries for the tablespaces' directory and for each tablespace, which restore ignores.
    fn add_tablespace_paths(&mut self, link: &FoundLink) {
        if self.manifest.path(PG_TBLSPC).is_none()
            && let Some(base) = self.manifest.path(PG_DATA).cloned()
        {
            self.manifest.add_path(Path {
                name: PG_TBLSPC.to_vec(),
                ..base
            });
        }
        if let Some(links) = self.manifest.path(TABLESPACE_LINKS).cloned() {
            self.manifest.add_path(Path {
                name: pg_name(&link.name).to_vec(),
                ..links
            });
        }
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
