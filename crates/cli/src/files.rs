//! The reader of configuration files.

use std::io;

use pgkeep_config::ConfigFiles;

/// Reads from the file system of this host.
#[derive(Debug)]
pub(crate) struct HostFiles {
    pub(crate) home: Option<String>,
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
}
