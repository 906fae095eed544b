//! Where a repository of a test lies: in a directory, or behind a real sshd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;

use crate::stage::Result;

/// What kind of repository a test wants.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Posix,
    /// A directory without links, owners and modes of its own, as a mounted share is.
    Cifs,
    Sftp,
    /// The same with an account that may only add, for this program under its own name.
    Adds,
}

impl Kind {
    pub fn only_adds(self) -> bool {
        matches!(self, Self::Adds)
    }
}

const DENIED: &str = "ForceCommand internal-sftp -P remove,rmdir,rename,posix-rename,setstat,fsetstat,lsetstat,symlink";

/// One repository.
pub struct Place {
    /// Its files as this process sees them.
    pub files: PathBuf,
    pub server: Option<SftpServer>,
}

impl Place {
    /// Makes the place and adds its options.
    pub fn make(
        kind: Kind,
        key: usize,
        scratch: &Scratch,
        configuration: Configuration,
    ) -> Result<(Self, Configuration)> {
        let option = |name: &str| format!("repo{key}-{name}");
        if matches!(kind, Kind::Posix | Kind::Cifs) {
            let files = scratch.make_dir(format!("repo{key}"))?;
            let mut made = configuration.global(&option("path"), files.display());
            if matches!(kind, Kind::Cifs) {
                made = made.global(&option("type"), "cifs");
            }
            let place = Self {
                files,
                server: None,
            };
            return Ok((place, made));
        }
        let mut server = SftpServer::builder();
        if kind.only_adds() {
            server = server.line(DENIED);
        }
        let server = server.start()?;
        let address = server.address();
        let known = scratch.write(format!("known_hosts{key}"), fs::read(server.known_hosts())?)?;
        let private = scratch.write(format!("key{key}"), fs::read(server.private_key())?)?;
        fs::set_permissions(&private, fs::Permissions::from_mode(0o600))?;
        let made = configuration
            .global(&option("type"), "sftp")
            .global(&option("path"), server.remote_dir())
            .global(&option("sftp-host"), address.ip())
            .global(&option("sftp-host-port"), address.port())
            .global(&option("sftp-host-user"), server.user())
            .global(&option("sftp-host-key-hash-type"), "sha256")
            .global(&option("sftp-private-key-file"), private.display())
            .global(&option("sftp-known-host"), known.display());
        let made = match kind.only_adds() {
            true => made.global(&option("sftp-append-only"), "y"),
            false => made,
        };
        let place = Self {
            files: server.files().to_owned(),
            server: Some(server),
        };
        Ok((place, made))
    }

    /// Takes away all rights: of the whole repository, or only of the WAL in it, so that its info file can be read.
    pub fn close(&self, whole: bool) -> Result<()> {
        self.set_mode(whole, 0)
    }

    /// Gives back what [`Self::close`] took.
    pub fn open(&self, whole: bool) -> Result<()> {
        self.set_mode(whole, 0o750)
    }

    fn set_mode(&self, whole: bool, mode: u32) -> Result<()> {
        let directory = if whole {
            self.files.clone()
        } else {
            self.wal()
        };
        Ok(fs::set_permissions(
            directory,
            fs::Permissions::from_mode(mode),
        )?)
    }

    /// Directory of all WAL.
    pub fn wal(&self) -> PathBuf {
        self.files.join("archive/main/15-1")
    }

    /// Names of what is stored of a segment, published files only.
    pub fn stored(&self, segment: &str) -> Result<Vec<String>> {
        let mut found = names(&self.wal().join(&segment[..16]))?;
        found.retain(|name| {
            name.starts_with(segment) && name[24..].starts_with('-') && !name.ends_with(".tmp")
        });
        Ok(found)
    }
}

/// Names in a directory; none if it is not there.
pub fn names(directory: &Path) -> Result<Vec<String>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
