//! The reader of configuration files.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pgkeep_config::{Access, ConfigFiles};

/// Reads from the file system of this host.
#[derive(Debug, Clone)]
pub(crate) struct HostFiles {
    pub(crate) home: Option<String>,
    /// Name of the user who runs the program.
    pub(crate) user: String,
}

impl ConfigFiles for HostFiles {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            // A name that is not UTF-8 cannot end in `.conf` for any reader; it is left out.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn home(&self) -> Option<String> {
        self.home.clone()
    }

    /// What can be seen is what denies: a directory that may not be entered hides everything below it.
    fn access(&self, path: &str) -> Option<Access> {
        let (path, found) = Path::new(path)
            .ancestors()
            .find_map(|path| Some((path, std::fs::metadata(path).ok()?)))?;
        let name = |found: Option<std::ffi::OsString>, id: u32| {
            found.map_or_else(
                || id.to_string(),
                |name| name.to_string_lossy().into_owned(),
            )
        };
        let owner = uzers::get_user_by_uid(found.uid());
        let group = uzers::get_group_by_gid(found.gid());
        Some(Access {
            path: path.to_string_lossy().into_owned(),
            directory: found.is_dir(),
            owner: name(owner.map(|user| user.name().to_owned()), found.uid()),
            group: name(group.map(|group| group.name().to_owned()), found.gid()),
            mode: found.mode() & 0o7777,
            user: self.user.clone(),
        })
    }

    fn working_directory(&self) -> Option<String> {
        std::env::current_dir()
            .ok()?
            .into_os_string()
            .into_string()
            .ok()
    }
}
