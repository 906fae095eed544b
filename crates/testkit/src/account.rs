//! The account that servers and the programs under test run as: never root.
//!
//! When the tests run as root it is the system account `postgres`, which Debian's server package makes; otherwise it is
//! the user who runs them. Commands start in `/` with the environment cleaned of everything that steers PostgreSQL's
//! clients, pgBackRest or pgkeep.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use uzers::os::unix::UserExt;

use crate::error::{During, Error, Result};

/// An unprivileged account of this machine.
#[derive(Debug, Clone)]
pub struct Account {
    name: String,
    uid: u32,
    gid: u32,
    home: PathBuf,
    switch: bool,
}

impl Account {
    /// The account for servers: `postgres` when this is root, else the current user.
    pub fn server() -> Result<Self> {
        let switch = rustix::process::geteuid().is_root();
        let user = if switch {
            uzers::get_user_by_name("postgres")
                .ok_or_else(|| Error::missing("the system account postgres"))?
        } else {
            uzers::get_user_by_uid(uzers::get_current_uid()).ok_or_else(|| {
                Error::Missing("the current user has no entry in the user database".into())
            })?
        };
        Ok(Self {
            name: user.name().to_string_lossy().into_owned(),
            uid: user.uid(),
            gid: user.primary_group_id(),
            home: user.home_dir().to_owned(),
            switch,
        })
    }

    /// Login name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Numeric user id.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Numeric id of the primary group.
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// Home directory.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// True if commands change the user: root runs the tests.
    pub(crate) fn switches(&self) -> bool {
        self.switch
    }

    /// A command that will run as this account, in `/`, with a clean environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.clean(program);
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// The same for root, where `etc` is in the place of /etc.
    pub(crate) fn command_with_etc(&self, etc: &Path, program: &Path) -> Command {
        let mut command = self.clean("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-ec"])
            .arg(
                "mount --bind \"$1\" /etc; uid=$2 gid=$3; shift 3; exec setpriv --reuid $uid --regid $gid --clear-groups \"$@\"",
            )
            .arg("sh")
            .arg(etc)
            .args([self.uid.to_string(), self.gid.to_string()])
            .arg(program);
        command
    }

    fn clean(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir("/")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", &self.home)
            .env("USER", &self.name)
            .env("LOGNAME", &self.name)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC");
        command
    }

    /// Gives a path to this account (does nothing unless the tests run as root).
    pub fn own(&self, path: &Path) -> Result<()> {
        if self.switch {
            std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid)).during(format!(
                "give {} to {}",
                path.display(),
                self.name
            ))?;
        }
        Ok(())
    }

    /// Gives a whole tree to this account.
    pub fn own_tree(&self, path: &Path) -> Result<()> {
        self.own(path)?;
        if path.is_dir() && !path.is_symlink() {
            for entry in path.read_dir().during(format!("list {}", path.display()))? {
                self.own_tree(&entry.during(format!("list {}", path.display()))?.path())?;
            }
        }
        Ok(())
    }
}
