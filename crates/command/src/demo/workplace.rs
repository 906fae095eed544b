//! The directory of the demonstration: program, configuration, local repository, data directories.
#![allow(clippy::disallowed_methods)] // a scratch directory with a copied program is no storage of ours

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::settings::Settings;
use super::shell::{self, Account};
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Port of the cluster; it listens only on a socket in the workplace, so nothing can collide.
pub(super) const PORT: u16 = 54321;

/// How long processes that end by themselves may take for it: sessions of the server, and who keeps a connection to it.
const ENDING: Duration = Duration::from_secs(15);

/// Everything of the demonstration lies below one directory.
#[derive(Debug)]
pub(super) struct Workplace {
    root: PathBuf,
    made_root: bool,
    binaries: Binaries,
    version: String,
    account: Account,
}

impl Workplace {
    /// Makes the directory and what must stand in it before the cluster is made.
    pub(super) fn make(context: &Context, settings: &Settings, binaries: Binaries) -> Result<Self> {
        let account = account(context)?;
        let root = match &settings.path {
            Some(path) => path.clone(),
            None => {
                let base = context
                    .environment
                    .get("TMPDIR")
                    .map_or("/tmp", String::as_str);
                Path::new(base).join(format!("pgkeep-demo-{}", std::process::id()))
            }
        };
        // The path of a socket must fit in about 107 bytes.
        if root.as_os_str().len() > 70 {
            return Err(Error::new(
                ErrorCode::OptionInvalidValue,
                format!("path '{}' is too long for a socket", root.display()),
            )
            .with_hint("choose a shorter one with --demo-path=/tmp/pgkeep-demo"));
        }
        // It goes through the settings of PostgreSQL and sshd, and through the shells that pg_ctl and the archiver start.
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=,@".contains(byte);
        if !root.as_os_str().as_encoded_bytes().iter().all(is_plain) {
            return Err(Error::new(
                ErrorCode::OptionInvalidValue,
                format!(
                    "path '{}' has characters that mean something to a shell or to sshd",
                    root.display()
                ),
            )
            .with_hint(
                "choose one of letters, digits and ._-+=,@ with --demo-path=/tmp/pgkeep-demo",
            ));
        }
        let made_root = !root.exists();
        if !made_root
            && fs::read_dir(&root)
                .map_err(|error| failed("list", &root, &error))?
                .next()
                .is_some()
        {
            return Err(Error::new(
                ErrorCode::PathNotEmpty,
                format!("path '{}' is not empty", root.display()),
            )
            .with_hint("choose a missing or empty one with --demo-path"));
        }
        let place = Self {
            root,
            made_root,
            binaries,
            version: String::new(),
            account,
        };
        place.directory("")?;
        let result = place.furnish(context);
        match result {
            Ok(version) => Ok(Self { version, ..place }),
            Err(error) => {
                place.remove();
                Err(error)
            }
        }
    }

    fn furnish(&self, context: &Context) -> Result<String> {
        for name in ["bin", "repo", "log", "lock", "spool", "run"] {
            self.directory(name)?;
        }
        // The running program may be in a directory that the unprivileged user cannot read.
        let program = self.program();
        fs::copy(&context.program_path, &program)
            .map_err(|error| failed("copy", &context.program_path, &error))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .map_err(|error| failed("set mode of", &program, &error))?;
        // Archiving goes through a link named `pgbackrest`: pgBackRest insists on it, so the way back stays open.
        let link = self.archiver();
        symlink("pgkeep", &link).map_err(|error| failed("create link", &link, &error))?;
        let version = shell::run(self.server_command("postgres", &["--version"]))?;
        Ok(version.split_whitespace().nth(2).unwrap_or("?").to_owned())
    }

    /// Makes a directory for the account.
    pub(super) fn directory(&self, name: &str) -> Result<()> {
        let path = self.root.join(name);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|error| failed("create path", &path, &error))?;
        if self.account.switch {
            chown(&path, Some(self.account.uid), Some(self.account.gid))
                .map_err(|error| failed("set owner of", &path, &error))?;
        }
        Ok(())
    }

    /// Who runs the programs.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// `17.4`
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn program(&self) -> PathBuf {
        self.root.join("bin/pgkeep")
    }

    pub(super) fn archiver(&self) -> PathBuf {
        self.root.join("bin/pgbackrest")
    }

    pub(super) fn config(&self) -> PathBuf {
        self.root.join("pgkeep.conf")
    }

    pub(super) fn data_path(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The second data directory, restored only to be compared.
    pub(super) fn copy_path(&self) -> PathBuf {
        self.root.join("copy")
    }

    /// A program of the PostgreSQL server.
    pub(super) fn server_command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command =
            shell::command(&self.account, &self.root, &self.binaries.server.join(name));
        command.args(arguments);
        command
    }

    /// The client, connected to the cluster of the demonstration.
    pub(super) fn psql(&self, sql: &str) -> Command {
        let mut command = shell::command(&self.account, &self.root, &self.binaries.psql);
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "demo",
            "-d",
            "postgres",
        ]);
        command
            .arg("-h")
            .arg(self.root.join("run"))
            .arg("-p")
            .arg(PORT.to_string())
            .arg("-c")
            .arg(sql);
        command
    }

    /// This program with one of its public commands.
    pub(super) fn pgkeep(&self, arguments: &[&str]) -> Result<Command> {
        self.directory("copy")?;
        let mut command = shell::command(&self.account, &self.root, &self.program());
        command
            .arg(format!("--config={}", self.config().display()))
            .arg("--stanza=demo")
            .args(arguments);
        Ok(command)
    }

    /// Bytes of the local repository.
    pub(super) fn repository_size(&self) -> Result<u64> {
        tree_size(&self.root.join("repo"))
    }

    /// Archiving may have left a process that keeps the connection to the server (`repo-sftp-persist`). It ends soon after the
    /// server has, and is waited for, so that nothing runs when the demonstration is over. It has its lock neither when it
    /// begins nor when it ends, so its command line tells.
    pub(super) fn wait_for_kept_connection(&self, context: &Context) {
        let option = format!("--config={}", self.config().display());
        wait_until_gone(context, |process| {
            fs::read(process.join("cmdline")).is_ok_and(|line| {
                line.split(|&byte| byte == 0)
                    .any(|word| word == option.as_bytes())
            })
        });
    }

    /// Removes everything; what cannot be removed is left behind with a warning.
    pub(super) fn remove(&self) {
        let result = if self.made_root {
            fs::remove_dir_all(&self.root)
        } else {
            fs::read_dir(&self.root).and_then(|entries| {
                for entry in entries {
                    let path = entry?.path();
                    if path.is_dir() && !path.is_symlink() {
                        fs::remove_dir_all(path)?
                    } else {
                        fs::remove_file(path)?
                    }
                }
                Ok(())
            })
        };
        if let Err(error) = result {
            log::warn!("unable to remove path '{}': {error}", self.root.display());
        }
    }
}

/// Waits for processes of which `is_one` is true, told their directories in /proc.
pub(super) fn wait_until_gone(context: &Context, is_one: impl Fn(&Path) -> bool) {
    let began = Instant::now();
    let runs = || {
        let Ok(entries) = fs::read_dir("/proc") else {
            return false;
        };
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .any(|process| is_one(&process))
    };
    while began.elapsed() < ENDING && runs() {
        context.clock.sleep(Duration::from_millis(10));
    }
}

/// The running user, or when that is root an unprivileged one.
fn account(context: &Context) -> Result<Account> {
    let user = &context.user;
    if user.uid != 0 {
        return Ok(Account {
            uid: user.uid,
            gid: user.gid,
            name: user.name.clone(),
            switch: false,
        });
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = uzers::get_user_by_name(name) {
            return Ok(Account {
                uid: user.uid(),
                gid: user.primary_group_id(),
                name: name.to_owned(),
                switch: true,
            });
        }
    }
    Err(Error::new(
        ErrorCode::UserMissing,
        "unable to find an unprivileged user to run PostgreSQL",
    )
    .with_hint("run the demonstration as an ordinary user, or make a user named postgres."))
}

pub(super) fn tree_size(path: &Path) -> Result<u64> {
    let mut size = 0;
    let mut open = vec![path.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).map_err(|error| failed("list", &directory, &error))? {
            let entry = entry.map_err(|error| failed("list", &directory, &error))?;
            let metadata = entry
                .metadata()
                .map_err(|error| failed("look at", &entry.path(), &error))?;
            if metadata.is_dir() {
                open.push(entry.path())
            } else {
                size += metadata.len()
            }
        }
    }
    Ok(size)
}

/// The error of a file that could not be made or read.
pub(super) fn failed(verb: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorCode::FileOpen,
        format!("unable to {verb} '{}': {error}", path.display()),
    )
}
