//! Finding a file in the archives: every copy of it, in the order in which they are tried.
//!
//! Listings of WAL directories are kept for one run, as consecutive segments share them.

use std::collections::BTreeMap;

use pgkeep_postgres::wal::name;
use pgkeep_repo::archive::{self, StoredSegment};
use pgkeep_repo::layout;
use pgkeep_storage::{InfoLevel, ListOptions, StoragePath};

use super::archives::{Archive, Archives, repository_warning};
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};

/// One copy of a file.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Index in [`Archives::usable`].
    pub archive: usize,
    /// `17-1`
    pub archive_id: String,
    /// Name below the stanza's archive, for messages.
    pub file: String,
    pub path: StoragePath,
    /// SHA-1 of the plain segment, from the name.
    pub checksum: Option<String>,
    /// Bytes in the repository, where a listing tells without further work; else 0.
    pub size: u64,
}

/// What the archives say about a file.
#[derive(Debug)]
pub(super) enum Found {
    /// At least one copy, and what was wrong with repositories that may have others.
    Copies(Vec<Candidate>, Vec<String>),
    /// Every repository was read and none has it.
    Missing,
}

/// A search that failed, and warnings for the status file of the background process.
#[derive(Debug)]
pub(super) struct Failed {
    pub error: Error,
    pub warnings: Vec<String>,
}

/// Looks for files, remembering what was listed.
#[derive(Debug)]
pub(super) struct Find<'a> {
    archives: &'a Archives,
    settings: &'a Settings,
    listings: BTreeMap<(usize, String), BTreeMap<String, u64>>,
    /// Warnings logged already: each is logged once.
    logged: Vec<String>,
}

impl<'a> Find<'a> {
    pub(super) fn new(archives: &'a Archives, settings: &'a Settings) -> Self {
        Self {
            archives,
            settings,
            listings: BTreeMap::new(),
            logged: Vec::new(),
        }
    }

    /// All copies of the file.
    ///
    /// # Errors
    /// [`ErrorCode::RepoInvalid`] when no repository could be read, or when one could not and no other has the file;
    /// [`ErrorCode::ArchiveDuplicate`] when copies differ.
    pub(super) fn find(&mut self, request: &str) -> std::result::Result<Found, Failed> {
        let mut warnings = self.archives.warnings.clone();
        let mut unread = self.archives.unread.clone();
        let (mut copies, mut failed) = (Vec::new(), 0);
        for (index, archive) in self.archives.usable.iter().enumerate() {
            match self.find_in(index, archive, request) {
                Ok(found) => copies.extend(found),
                Err(error) if error.code == ErrorCode::Term => {
                    return Err(Failed { error, warnings });
                }
                Err(error) => {
                    failed += 1;
                    let warning = repository_warning(archive.repository.key, &error);
                    if !self.logged.contains(&warning) {
                        log::warn!("{warning}");
                        self.logged.push(warning.clone());
                    }
                    for list in [&mut warnings, &mut unread] {
                        if !list.contains(&warning) {
                            list.push(warning.clone());
                        }
                    }
                }
            }
        }
        if failed == self.archives.usable.len() {
            let error = Error::new(ErrorCode::RepoInvalid, "unable to find a valid repository");
            return Err(Failed { error, warnings });
        }
        if copies.is_empty() {
            if unread.is_empty() {
                return Ok(Found::Missing);
            }
            // One that could not be read may have it. Saying "not found" would end recovery early.
            let text = "some repositories were invalid or encountered errors";
            let error = Error::new(
                ErrorCode::RepoInvalid,
                format!(
                    "unable to find {request} in the archive: {text}:\n{}",
                    unread.join("\n")
                ),
            );
            return Err(Failed {
                error,
                warnings: Vec::new(),
            });
        }
        match self.refuse_duplicates(request, &copies) {
            Ok(()) => Ok(Found::Copies(copies, warnings)),
            Err(error) => Err(Failed { error, warnings }),
        }
    }

    fn find_in(
        &mut self,
        index: usize,
        archive: &Archive,
        request: &str,
    ) -> Result<Vec<Candidate>> {
        let storage = &*archive.repository.storage;
        let stanza = &self.settings.stanza;
        // A remote server sends sizes along; a file system has to be asked for each.
        let level = if storage.has_latency() {
            InfoLevel::Basic
        } else {
            InfoLevel::Exists
        };
        let mut found = Vec::new();
        for id in &archive.ids {
            let candidate = |name: &str, checksum: Option<String>, size: u64| {
                let path = layout::archive_file(stanza, id, name);
                let below = path.to_string();
                let prefix = format!("{}/", layout::archive_path(stanza));
                Candidate {
                    archive: index,
                    archive_id: id.to_string(),
                    file: below.strip_prefix(&prefix).unwrap_or(&below).to_owned(),
                    path,
                    checksum,
                    size,
                }
            };
            if name::is_segment(request) || name::is_partial(request) {
                let directory = &request[..16];
                let path = layout::wal_path(stanza, id, directory);
                let names = match self.listings.entry((index, path.to_string())) {
                    std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        let options = ListOptions {
                            level,
                            ..ListOptions::default()
                        };
                        let names = storage.list(&path, &options)?.unwrap_or_default();
                        entry.insert(
                            names
                                .into_iter()
                                .map(|info| (info.name.to_string(), info.size))
                                .collect(),
                        )
                    }
                };
                let stored: Vec<StoredSegment> =
                    archive::find_segment(request, names.keys().map(String::as_str));
                found.extend(stored.into_iter().map(|stored| {
                    let name = stored.to_string();
                    let size = names.get(&name).copied().unwrap_or(0);
                    candidate(&name, Some(stored.checksum), size)
                }));
            } else {
                let whole = candidate(request, None, 0);
                if storage.info(&whole.path, InfoLevel::Exists)?.is_some() {
                    found.push(whole);
                }
            }
        }
        Ok(found)
    }

    fn refuse_duplicates(&self, request: &str, copies: &[Candidate]) -> Result<()> {
        if copies
            .windows(2)
            .all(|pair| pair[0].checksum == pair[1].checksum)
        {
            return Ok(());
        }
        let mut list = String::new();
        let mut sorted: Vec<&Candidate> = copies.iter().collect();
        sorted.sort_by(|a, b| (a.archive, &a.file).cmp(&(b.archive, &b.file)));
        let mut last = None;
        for copy in sorted {
            if last == Some(copy.archive) {
                list.push(',');
            } else {
                list.push_str(&format!(
                    "\n{}:",
                    self.archives.usable[copy.archive].repository.name()
                ));
                last = Some(copy.archive);
            }
            list.push_str(&format!(" {}", copy.file));
        }
        Err(Error::new(
            ErrorCode::ArchiveDuplicate,
            format!("duplicates found for WAL segment {request}:{list}"),
        )
        .with_hint("are multiple primaries archiving to this stanza?"))
    }
}
