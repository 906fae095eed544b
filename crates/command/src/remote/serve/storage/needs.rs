//! Which right each request needs, and what of the repository it may touch with it.
//!
//! Whoever has less than everything is confined to the archive and the backups of the stanza, and changes no finished backup unless
//! that is allowed by name.

use pgkeep_repo::{BackupLabel, Stanza, layout};
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use crate::error::{Error, Result};
use crate::remote::rights::{Right, Rights, denied};
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::storage::StorageRequest;

/// What one client may do.
#[derive(Debug)]
pub(super) struct Needs {
    rights: Rights,
    /// `None`: the greeting had none, and only everything can be allowed.
    stanza: Option<Stanza>,
}

impl Needs {
    pub(super) fn new(rights: Rights, stanza: Option<Stanza>) -> Self {
        Self { rights, stanza }
    }

    /// Logs that a request was refused.
    pub(super) fn tell_refused(&self, error: &Error) {
        self.rights.tell_refused(error);
    }

    /// Fails if the client may not ask for this.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Access`].
    pub(super) fn check(&self, storage: &dyn Storage, request: &StorageRequest) -> Result<()> {
        if self.rights.are_unlimited() {
            return Ok(());
        }
        let need = |right, what| self.rights.require(right, what);
        // No default: whoever adds a request decides here who may ask for it.
        match request {
            StorageRequest::ArchiveIdentity {}
            | StorageRequest::FindSegment { .. }
            | StorageRequest::CheckSegment { .. }
            | StorageRequest::PushSegment(_) => need(Right::Push, "archiving WAL"),
            StorageRequest::Announce { .. } | StorageRequest::Durability { .. } => Ok(()),
            StorageRequest::Info { paths, .. } => {
                need(Right::Get, "reading")?;
                // That a repository is there, and has archives and backups, is no secret.
                paths.iter().try_for_each(|path| {
                    let shown = path.path()?;
                    match shown.is_root() || is_list_of_stanzas(&shown) {
                        true => Ok(()),
                        false => self.confine([path]),
                    }
                })
            }
            StorageRequest::KeptUntil { paths } => {
                need(Right::Get, "reading")?;
                self.confine(paths)
            }
            StorageRequest::Space { .. } | StorageRequest::BucketProtection {} => {
                need(Right::Get, "reading")
            }
            // Which stanzas there are: the client is shown its own, see `shows`.
            StorageRequest::List(list) if is_list_of_stanzas(&list.path.path()?) => {
                need(Right::Get, "reading")?;
                self.stanza().map(drop)
            }
            StorageRequest::List(list) | StorageRequest::ListTree(list) => {
                need(Right::Get, "reading")?;
                self.confine([&list.path])
            }
            StorageRequest::OpenRead(read) => {
                need(Right::Get, "reading")?;
                self.confine([&read.path])
            }
            StorageRequest::ReadInfo { path, .. } => {
                need(Right::Get, "reading")?;
                self.confine([path])
            }
            StorageRequest::Measure { files } => {
                need(Right::Get, "reading")?;
                self.confine(files.iter().map(|file| &file.path))
            }
            StorageRequest::OpenWrite(write) => {
                need(Right::Backup, "writing")?;
                self.confine([&write.path])
            }
            StorageRequest::CopyWithin { from, to } | StorageRequest::HardLink { from, to } => {
                need(Right::Backup, "writing")?;
                self.confine([from, to])
            }
            StorageRequest::CreatePaths { paths, .. } | StorageRequest::SyncPaths { paths } => {
                need(Right::Backup, "writing")?;
                self.confine(paths)
            }
            StorageRequest::Link { path, destination } => {
                need(Right::Backup, "writing")?;
                self.confine([path])?;
                self.confine([&lead(path, destination)?])
            }
            StorageRequest::RemoveLeftOvers { path, .. } => {
                need(Right::Backup, "writing")?;
                self.confine([path])
            }
            StorageRequest::Remove { paths, .. } | StorageRequest::RemoveTrees { paths }
                if self.rights.has(Right::Admin) =>
            {
                self.confine(paths)
            }
            StorageRequest::Remove { paths, .. } | StorageRequest::RemoveTrees { paths } => {
                need(Right::Backup, "removing")?;
                paths
                    .iter()
                    .try_for_each(|path| self.unfinished(storage, path))
            }
            StorageRequest::CipherPass {} => need(Right::Backup, "the passphrase"),
        }
    }

    /// Whether the client may write over what is in the archive.
    pub(super) fn may_replace(&self) -> bool {
        self.rights.has(Right::Admin)
    }

    /// Whether a name of a directory that was listed is shown to the client.
    pub(super) fn shows(&self, directory: &StoragePath, name: &[u8]) -> bool {
        let own = || {
            self.stanza
                .as_ref()
                .map(|stanza| stanza.as_str().as_bytes())
        };
        self.rights.are_unlimited() || !is_list_of_stanzas(directory) || own() == Some(name)
    }

    fn stanza(&self) -> Result<&Stanza> {
        self.stanza.as_ref().ok_or_else(denied)
    }

    /// Every path must be that of the stanza's archive or backups, or below.
    fn confine<'a>(&self, paths: impl IntoIterator<Item = &'a WireBytes>) -> Result<()> {
        let stanza = self.stanza()?;
        let roots = [layout::archive_path(stanza), layout::backup_path(stanza)];
        for path in paths {
            let path = path.path()?;
            if !roots.iter().any(|root| below(root, &path).is_some()) {
                return Err(outside());
            }
        }
        Ok(())
    }

    /// The path must be in a backup that has no manifest yet.
    fn unfinished(&self, storage: &dyn Storage, path: &WireBytes) -> Result<()> {
        let path = path.path()?;
        let stanza = self.stanza()?;
        let within = below(&layout::backup_path(stanza), &path).ok_or_else(outside)?;
        let label = within.split(|byte| *byte == b'/').next();
        let label = label
            .and_then(|label| std::str::from_utf8(label).ok())
            .and_then(|label| label.parse::<BackupLabel>().ok())
            .ok_or_else(outside)?;
        match storage.info(&layout::manifest(stanza, &label), InfoLevel::Exists)? {
            None => Ok(()),
            Some(_) => Err(denied().with_hint(
                "removing from a finished backup needs the right 'admin' on the other host.",
            )),
        }
    }
}

fn is_list_of_stanzas(path: &StoragePath) -> bool {
    [layout::ARCHIVE, layout::BACKUP]
        .iter()
        .any(|name| path.as_bytes() == name.as_bytes())
}

fn outside() -> Error {
    denied().with_hint("only the archive and the backups of the stanza are open to this client.")
}

/// What follows after `root`, without a slash in front; `None` if it is elsewhere.
fn below<'a>(root: &StoragePath, path: &'a StoragePath) -> Option<&'a [u8]> {
    let rest = path.as_bytes().strip_prefix(root.as_bytes())?;
    match rest {
        [] => Some(rest),
        [b'/', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Where a link leads, as far as names tell.
fn lead(path: &WireBytes, destination: &WireBytes) -> Result<WireBytes> {
    if destination.0.starts_with(b"/") {
        return Err(outside());
    }
    let parent = path.path()?.parent();
    let mut parts: Vec<&[u8]> = parent.as_bytes().split(|byte| *byte == b'/').collect();
    for part in destination.0.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop().ok_or_else(outside)?),
            part => parts.push(part),
        }
    }
    Ok(WireBytes(parts.join(&b'/')))
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::{WriteOptions, copy};

    use super::*;
    use crate::error::ErrorCode;
    use crate::remote::rights::Grants;

    fn allowed(rights: &str, request: &str) -> bool {
        let storage = MemoryStorage::new();
        let finished = StoragePath::from("backup/demo/20260101-120000F/backup.manifest");
        copy::write_all(&storage, &finished, &WriteOptions::default(), b"x").unwrap();
        let rights = Grants::read("x", rights).unwrap();
        let rights = rights.rights(Some("demo")).unwrap();
        let needs = Needs::new(rights, Some(Stanza::new("demo").unwrap()));
        let request: StorageRequest = serde_json::from_str(request).unwrap();
        match needs.check(&storage, &request) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.code, ErrorCode::Access, "{request:?}: {error}");
                false
            }
        }
    }

    /// What each right for the stanza allows: push, get, backup, admin. Admin of all stanzas may do all of it.
    #[test]
    fn each_request_needs_its_right_and_stays_within_the_stanza() {
        for (request, who) in [
            (r#"{"archive_identity":{}}"#, [true, false, true, true]),
            (
                r#"{"find_segment":{"segment":"x"}}"#,
                [true, false, true, true],
            ),
            (
                r#"{"check_segment":{"file":"x"}}"#,
                [true, false, true, true],
            ),
            (
                r#"{"push_segment":{"file":"x"}}"#,
                [true, false, true, true],
            ),
            (r#"{"cipher_pass":{}}"#, [false, false, true, true]),
            (
                r#"{"read_info":{"path":"archive/demo/archive.info"}}"#,
                [false, true, true, true],
            ),
            (
                r#"{"read_info":{"path":"archive/other/archive.info"}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"measure":{"files":[{"path":"backup/demo/x"},{"path":"archive/demo/y"}]}}"#,
                [false, true, true, true],
            ),
            (
                r#"{"measure":{"files":[{"path":"backup/demo/x"},{"path":"archive/other/y"}]}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"open_read":{"path":"backup/demo/x"}}"#,
                [false, true, true, true],
            ),
            (
                r#"{"open_read":{"path":"backup/demo2/x"}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"open_read":{"path":"x"}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"list":{"path":"backup/demo"}}"#,
                [false, true, true, true],
            ),
            (r#"{"list":{"path":"backup"}}"#, [false, true, true, true]),
            (r#"{"list":{"path":""}}"#, [false, false, false, false]),
            (
                r#"{"list_tree":{"path":"backup"}}"#,
                [false, false, false, false],
            ),
            (r#"{"list_tree":{"path":""}}"#, [false, false, false, false]),
            (
                r#"{"info":{"paths":["backup/demo","archive/demo/x"]}}"#,
                [false, true, true, true],
            ),
            (
                r#"{"info":{"paths":["backup/demo","archive"]}}"#,
                [false, true, true, true],
            ),
            (r#"{"info":{"paths":[""]}}"#, [false, true, true, true]),
            (
                r#"{"info":{"paths":["backup/demo","archive/other"]}}"#,
                [false, false, false, false],
            ),
            (r#"{"bucket_protection":{}}"#, [false, true, true, true]),
            (
                r#"{"kept_until":{"paths":["backup/demo/x"]}}"#,
                [false, true, true, true],
            ),
            (
                r#"{"kept_until":{"paths":["backup/other/x"]}}"#,
                [false, false, false, false],
            ),
            (r#"{"space":{"path":""}}"#, [false, true, true, true]),
            (
                r#"{"open_write":{"path":"backup/demo/x"}}"#,
                [false, false, true, true],
            ),
            (
                r#"{"open_write":{"path":"backup/x"}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"copy_within":{"from":"x","to":"backup/demo/x"}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"create_paths":{"paths":["backup/demo/x"],"mode":488}}"#,
                [false, false, true, true],
            ),
            (
                r#"{"sync_paths":{"paths":["backup/demo/x"]}}"#,
                [false, false, true, true],
            ),
            (
                r#"{"link":{"path":"backup/demo/latest","destination":"20260101-120000F"}}"#,
                [false, false, true, true],
            ),
            (
                r#"{"link":{"path":"backup/demo/a/b","destination":"../c/d"}}"#,
                [false, false, true, true],
            ),
            (
                r#"{"link":{"path":"backup/demo/a","destination":"/etc"}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"link":{"path":"backup/demo/a","destination":"../other"}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"link":{"path":"backup/demo/a","destination":"../../../.."}}"#,
                [false, false, false, false],
            ),
            (
                r#"{"hard_link":{"from":"backup/demo/a","to":"backup/demo/b"}}"#,
                [false, false, true, true],
            ),
            (
                r#"{"remove":{"paths":["backup/demo/20260102-120000F/x"]}}"#,
                [false, false, true, true],
            ),
            (
                r#"{"remove":{"paths":["backup/demo/20260101-120000F/x"]}}"#,
                [false, false, false, true],
            ),
            (
                r#"{"remove_trees":{"paths":["backup/demo/20260101-120000F"]}}"#,
                [false, false, false, true],
            ),
            (
                r#"{"remove_trees":{"paths":["backup/demo"]}}"#,
                [false, false, false, true],
            ),
            (
                r#"{"remove":{"paths":["archive/demo/17-1/x"]}}"#,
                [false, false, false, true],
            ),
            (
                r#"{"remove_left_overs":{"path":"backup/demo"}}"#,
                [false, false, true, true],
            ),
            (
                r#"{"durability":{"mode":"atomic"}}"#,
                [true, true, true, true],
            ),
            (r#"{"announce":{}}"#, [true, true, true, true]),
        ] {
            let found = ["push", "get", "backup", "admin"]
                .map(|right| allowed(&format!("demo:{right}"), request));
            assert_eq!(found, who, "{request}");
            assert!(allowed("*:admin", request), "{request}");
        }
    }
}
