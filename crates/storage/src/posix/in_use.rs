//! Telling the temporary file of a living writer from one that nobody writes any more.
//!
//! A writer keeps a lock on its file, which the kernel takes away with the process. Only on file systems of this machine:
//! on a network file system a lock is a question to a server, which may not answer.

use std::fs::File;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags};

/// `statfs` numbers of file systems whose locks the kernel of this machine keeps: ext2 to ext4, XFS, Btrfs, tmpfs,
/// overlay, ZFS, F2FS, bcachefs.
const LOCAL: [u32; 8] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0x0102_1994,
    0x794C_7630,
    0x2FC1_2FC1,
    0xF2F5_2010,
    0xCA45_1A4E,
];

/// What locking a file told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InUse {
    /// Nobody else has it; this descriptor has now.
    No,
    Yes,
    /// The file system is not of this machine, or has no locks.
    Unknown,
}

fn lock(file: &OwnedFd) -> InUse {
    // The field's width differs between machines; the numbers have 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let local = rustix::fs::fstatfs(file).is_ok_and(|found| LOCAL.contains(&(found.f_type as u32)));
    if !local {
        return InUse::Unknown;
    }
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => InUse::No,
        Err(rustix::io::Errno::WOULDBLOCK) => InUse::Yes,
        Err(_) => InUse::Unknown,
    }
}

/// Marks a file that was just made as being written. `false`: somebody took it for a left-over in the instant before, so
/// another is to be made.
pub(super) fn mark(file: &OwnedFd) -> bool {
    match lock(file) {
        InUse::Yes => false,
        InUse::Unknown => true,
        InUse::No => rustix::fs::fstat(file).is_ok_and(|found| found.st_nlink > 0),
    }
}

/// Whether a writer has the file; with [`InUse::No`] comes the file, locked as long as that is kept.
pub(super) fn check(path: &Path) -> (InUse, Option<File>) {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => (lock(&file), Some(File::from(file))),
        Err(_) => (InUse::Unknown, None),
    }
}
