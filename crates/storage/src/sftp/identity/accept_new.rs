//! Adds a host that nobody knew to a known_hosts file.
//!
//! One line is appended with a single write under a file lock, so that two processes and OpenSSH itself never tear
//! or lose each other's lines; what was in the file is not rewritten.
#![allow(clippy::disallowed_methods)] // writes known_hosts

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Which of the configured files a new host is added to: the first that we may write or make, else the first.
pub(super) fn choose(files: &[PathBuf]) -> Option<PathBuf> {
    let ours = |file: &&PathBuf| {
        let missing = file
            .metadata()
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        missing || rustix::fs::access(file.as_path(), rustix::fs::Access::WRITE_OK).is_ok()
    };
    files.iter().find(ours).or(files.first()).cloned()
}

/// Appends `<name> <key> Generated from pgBackRest`; does nothing when the line is there already.
pub(super) fn append(file: &Path, name: &str, key: &str) -> std::io::Result<()> {
    append_all(file, name, &[key.to_owned()], "Generated from pgBackRest")
}

/// Appends one line for each key that has none yet, all with one write.
pub(super) fn append_all(
    file: &Path,
    name: &str,
    keys: &[String],
    comment: &str,
) -> std::io::Result<()> {
    if let Some(parent) = file.parent()
        && !parent.as_os_str().is_empty()
    {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)?;
    }
    let mut open = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)?;
    rustix::fs::flock(&open, rustix::fs::FlockOperation::LockExclusive)?;
    let mut text = Vec::new();
    open.seek(SeekFrom::Start(0))?;
    open.read_to_end(&mut text)?;
    let is_there = |line: &str| {
        text.split(|&c| c == b'\n')
            .any(|old| old.starts_with(line.as_bytes()))
    };
    let mut new = String::new();
    for line in keys.iter().map(|key| format!("{name} {key}")) {
        if !is_there(&line) {
            new.push_str(&format!("{line} {comment}\n"));
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    if !(text.is_empty() || text.ends_with(b"\n")) {
        new.insert(0, '\n');
    }
    open.write_all(new.as_bytes())?;
    open.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_host_is_appended_once_and_old_lines_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".ssh/known_hosts");
        append(&file, "[a]:2222", "ssh-ed25519 AAAA").unwrap();
        append(&file, "[a]:2222", "ssh-ed25519 AAAA").unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "[a]:2222 ssh-ed25519 AAAA Generated from pgBackRest\n"
        );
        std::fs::write(&file, "old line without end").unwrap();
        append(&file, "b", "ssh-rsa BBBB").unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "old line without end\nb ssh-rsa BBBB Generated from pgBackRest\n"
        );
    }
}
