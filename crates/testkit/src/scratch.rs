//! Throw-away directories that the server account may write, with names short enough for unix sockets.
//!
//! A socket path must stay under 100 bytes, so a long TMPDIR is not used. With `PGKEEP_TEST_KEEP` in the environment a
//! directory stays after the test, and its name is printed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{During, Result};

/// A directory owned by the server account; removed with all that is in it when dropped.
#[derive(Debug)]
pub struct Scratch {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    account: Account,
}

impl Scratch {
    /// Makes an empty directory (mode 0755, so that every account can pass through).
    pub fn new() -> Result<Self> {
        let account = Account::server()?;
        let wanted = std::env::temp_dir();
        let base = if wanted.as_os_str().len() > 40 {
            PathBuf::from("/tmp")
        } else {
            wanted
        };
        let dir = tempfile::Builder::new()
            .prefix("pgkeep-")
            .tempdir_in(&base)
            .during(format!("make a directory in {}", base.display()))?;
        let path = dir.path().to_owned();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .during("open the directory")?;
        account.own(&path)?;
        Ok(Self {
            dir: Some(dir),
            path,
            account,
        })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The account that owns it.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// A path below it, not made.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a directory below it (mode 0750), owned by the account, with its parents.
    pub fn make_dir(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let mut path = self.path.clone();
        for part in name.as_ref() {
            path.push(part);
            if !path.exists() {
                fs::create_dir(&path).during(format!("make {}", path.display()))?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o750))
                    .during("set its mode")?;
                self.account.own(&path)?;
            }
        }
        Ok(path)
    }

    /// Writes a file below it (mode 0640), owned by the account.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let name = name.as_ref();
        if let Some(parent) = name.parent() {
            self.make_dir(parent)?;
        }
        let path = self.path.join(name);
        fs::write(&path, content).during(format!("write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).during("set its mode")?;
        self.account.own(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let keep = std::env::var_os("PGKEEP_TEST_KEEP").is_some();
        if let Some(mut dir) = self.dir.take_if(|_| keep) {
            dir.disable_cleanup(true);
            eprintln!("kept: {}", self.path.display());
        }
    }
}
