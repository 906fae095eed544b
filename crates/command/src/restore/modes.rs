//! Modes while a restore is at work, and the final ones.
//!
//! A directory of mode 0500 takes no file, and a file of mode 0400 cannot be opened for writing a second time: by a retry, a
//! delta restore, or the next restore after one that was interrupted. So the owner may do everything until the content is there.
//! Bits beyond read, write and execute come at the end too: `mkdir` does not give them, and writing takes them away. Owners are
//! set at once, since only root sets any, whom no mode keeps out, and so that nobody else reads what is not theirs meanwhile.

use pgkeep_postgres::data_dir::CONTROL_FILE;
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::PG_DATA;
use pgkeep_storage::FileTree;

use super::places::Places;
use crate::error::Result;

const SET_ID_AND_STICKY: u32 = 0o7000;

/// Of a directory while entries are made in it.
pub(super) fn path_at_work(mode: u32) -> u32 {
    mode | 0o700
}

/// Of a file while it is written, and read again.
pub(super) fn file_at_work(mode: u32) -> u32 {
    mode | 0o600
}

/// Whether a directory has to be given its mode when all that is in it is there.
pub(super) fn path_is_settled_later(mode: u32) -> bool {
    path_at_work(mode) != mode || mode & SET_ID_AND_STICKY != 0
}

/// Whether a file has to be given its mode when it is written.
pub(super) fn file_is_settled_later(mode: u32) -> bool {
    file_at_work(mode) != mode || mode & SET_ID_AND_STICKY != 0
}

/// When directories get their final modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// All is written but the control file has not its name.
    BeforeControlFile,
    /// The directories that the last steps of a restore change. If the host goes down before this, the cluster is whole and the owner
    /// of the two may do more than before: no harm, and the next delta restore mends it.
    AfterControlFile,
}

/// Gives directories their final modes, deepest first; durable on return.
///
/// # Errors
/// Those of the file system.
pub(super) fn settle_paths(
    tree: &dyn FileTree,
    manifest: &Manifest,
    places: &Places,
    moment: Moment,
) -> Result<()> {
    let global = CONTROL_FILE.rsplitn(2, |&byte| byte == b'/').nth(1);
    // Names are sorted, so what is inside comes after what it is in.
    for path in manifest.paths().iter().rev() {
        let is_last = path.name == PG_DATA || Some(&*path.name) == global;
        if !path_is_settled_later(path.mode)
            || path.name == b"pg_tblspc"
            || is_last != (moment == Moment::AfterControlFile)
        {
            continue;
        }
        let place = places.path(&path.name);
        crate::detail!(
            "set mode of '{}' to {:04o}",
            tree.display(&place),
            path.mode
        );
        tree.set_mode_durably(&place, path.mode)?;
    }
    Ok(())
}
