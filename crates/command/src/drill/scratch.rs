//! The scratch directory: nobody else's, marked as ours, and gone at the end.
//!
//! The marker is made before anything else and removed after everything else, and is locked while the drill runs. So what lies beside
//! a marker that nobody holds is the remains of a drill that was killed.
#![allow(clippy::disallowed_methods)] // a scratch directory is no storage of ours

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::remains;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Name of the marker, and what it begins with.
const MARKER: &str = "pgkeep-drill";
const MAGIC: &str = "pgkeep drill ";
/// Was in the marker: the directory was made, so it is removed.
const MADE: &str = "made";

/// The directory, ours until it is removed.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
    /// Told to every process that is started for the drill.
    id: String,
    made: bool,
    /// Held as long as this lives.
    marker: fs::File,
}

impl Scratch {
    /// Makes the directory, or takes one that is empty or has the remains of a drill.
    ///
    /// # Errors
    /// One that has anything else in it or belongs to somebody else; a drill that runs there.
    pub(super) fn take(context: &Context, path: &Path) -> Result<Self> {
        check_name(path)?;
        let made = match fs::symlink_metadata(path) {
            Ok(found) => {
                refuse_foreign(context, path, &found)?;
                false
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::DirBuilder::new()
                    .mode(0o700)
                    .create(path)
                    .map_err(|error| {
                        failed(ErrorCode::PathCreate, "create path", path, &error).with_hint(
                            "make the directory, or choose another one with --drill-path.",
                        )
                    })?;
                true
            }
            Err(error) => return Err(failed(ErrorCode::PathOpen, "look at path", path, &error)),
        };
        let names = names(path)?;
        let marked = names.iter().any(|name| name == MARKER);
        if !marked && !names.is_empty() {
            return Err(Error::new(
                ErrorCode::PathNotEmpty,
                format!("path '{}' is not empty", path.display()),
            )
            .with_hint("choose a missing or empty one with --drill-path."));
        }
        let marker_path = path.join(MARKER);
        let mut marker = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&marker_path)
            .map_err(|error| failed(ErrorCode::FileOpen, "open", &marker_path, &error))?;
        if rustix::fs::flock(&marker, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Error::new(
                ErrorCode::LockAcquire,
                format!("another drill is running in '{}'", path.display()),
            )
            .with_hint("wait until it has ended, or choose another directory with --drill-path."));
        }
        let mut text = String::new();
        marker
            .read_to_string(&mut text)
            .map_err(|error| failed(ErrorCode::FileRead, "read", &marker_path, &error))?;
        let words: Vec<&str> = text
            .strip_prefix(MAGIC)
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let made = made || words.get(1) == Some(&MADE);
        match words.first() {
            Some(id) => {
                log::info!(
                    "remove what an interrupted drill has left in '{}'",
                    path.display()
                );
                remains::end(context, path, id)?;
                empty(path)?;
            }
            // It was killed before it could write the marker, and so before it did anything.
            None if text.is_empty() && names.len() <= 1 => {}
            None => {
                return Err(Error::new(
                    ErrorCode::PathNotEmpty,
                    format!("'{}' is not the marker of a drill", marker_path.display()),
                )
                .with_hint("choose a missing or empty directory with --drill-path."));
            }
        }
        let id = new_id()?;
        let line = format!("{MAGIC}{id} {}\n", if made { MADE } else { "found" });
        let write = |file: &mut fs::File| {
            file.set_len(0)?;
            std::io::Seek::rewind(file)?;
            file.write_all(line.as_bytes())?;
            file.sync_all()
        };
        write(&mut marker)
            .map_err(|error| failed(ErrorCode::FileWrite, "write", &marker_path, &error))?;
        let scratch = Self {
            root: path.to_owned(),
            id,
            made,
            marker,
        };
        for name in ["conf", "data", "lock", "log", "run", "spool", "tablespace"] {
            fs::DirBuilder::new()
                .mode(0o700)
                .create(scratch.join(name))
                .map_err(|error| {
                    failed(
                        ErrorCode::PathCreate,
                        "create path",
                        &scratch.join(name),
                        &error,
                    )
                })?;
        }
        Ok(scratch)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.join(name);
        fs::write(&path, text).map_err(|error| failed(ErrorCode::FileWrite, "write", &path, &error))
    }

    /// A file that may be missing.
    pub(super) fn read(&self, name: &str) -> String {
        fs::read(self.join(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Removes all of it.
    ///
    /// # Errors
    /// What could not be removed.
    pub(super) fn remove(self) -> Result<()> {
        // Whatever a program that was started here has left running.
        remains::end_processes(&self.root, &self.id)?;
        empty(&self.root)?;
        let marker = self.root.join(MARKER);
        fs::remove_file(&marker)
            .map_err(|error| failed(ErrorCode::FileRemove, "remove", &marker, &error))?;
        if self.made {
            fs::remove_dir(&self.root).map_err(|error| {
                failed(ErrorCode::PathRemove, "remove path", &self.root, &error)
            })?;
        }
        drop(self.marker);
        Ok(())
    }
}

/// The path goes through the settings of PostgreSQL and through a shell, and a socket lies below it.
fn check_name(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_encoded_bytes();
    // The path of a socket must fit in about 107 bytes.
    if bytes.len() > 80 {
        return Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!("path '{}' is too long for a socket", path.display()),
        )
        .with_hint("choose a shorter one with --drill-path."));
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=@".contains(byte);
    if bytes.iter().all(is_plain) && bytes != b"/" {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::OptionInvalidValue,
        format!(
            "path '{}' has characters that mean something to a shell",
            path.display()
        ),
    )
    .with_hint("choose one of letters, digits and ._-+=@ with --drill-path."))
}

/// Somebody else could put files under our feet.
fn refuse_foreign(context: &Context, path: &Path, found: &fs::Metadata) -> Result<()> {
    if !found.is_dir() {
        return Err(Error::new(
            ErrorCode::PathOpen,
            format!("'{}' is not a directory", path.display()),
        )
        .with_hint("choose another one with --drill-path."));
    }
    let open = found.permissions().mode() & 0o022 != 0;
    if found.uid() != context.user.uid || open {
        return Err(Error::new(
            ErrorCode::FileOwner,
            format!(
                "path '{}' {}",
                path.display(),
                if open {
                    "can be written to by others"
                } else {
                    "belongs to somebody else"
                }
            ),
        )
        .with_hint("the drill needs a directory that only the user who runs it may write to."));
    }
    Ok(())
}

/// Removes everything but the marker.
fn empty(root: &Path) -> Result<()> {
    for name in names(root)? {
        if name == MARKER {
            continue;
        }
        let path = root.join(&name);
        let is_dir = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
        let removed = if is_dir {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(|error| failed(ErrorCode::PathRemove, "remove path", &path, &error))?;
    }
    Ok(())
}

fn names(root: &Path) -> Result<Vec<std::ffi::OsString>> {
    let list = || -> std::io::Result<Vec<std::ffi::OsString>> {
        fs::read_dir(root)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    };
    list().map_err(|error| failed(ErrorCode::PathOpen, "list path", root, &error))
}

/// Something that no other drill has.
fn new_id() -> Result<String> {
    Ok(format!("{:016x}{:016x}", random()?, random()?))
}

/// From the kernel.
pub(super) fn random() -> Result<u64> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 8];
    fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| failed(ErrorCode::FileRead, "read", path, &error))?;
    Ok(u64::from_ne_bytes(bytes))
}

/// The error of a file of the drill.
pub(super) fn failed(code: ErrorCode, verb: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        code,
        format!("unable to {verb} '{}': {error}", path.display()),
    )
}
