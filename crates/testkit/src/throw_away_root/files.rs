//! Directories and files with the modes they shall have.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::error::{During, Result};

pub(super) fn make_dir(path: &Path, mode: u32) -> Result<()> {
    fs::create_dir(path).during(format!("make {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).during("set its mode")
}

pub(super) fn make_dir_all(path: &Path) -> Result<()> {
    fs::create_dir_all(path).during(format!("make {}", path.display()))
}

pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).during(format!("write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).during("set its mode")
}
