//! A certificate authority of one test, and certificates from it. Made by the openssl program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{During, Error, Result};
use crate::run::run;

/// A new key on a curve: quick to make.
const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
/// Longer than any test.
const DAYS: &str = "-days 9";

/// Files of the authority: `ca.crt` and `ca.key`, and of each certificate `NAME.crt` and `NAME.key`.
#[derive(Debug)]
pub struct Authority {
    directory: PathBuf,
}

impl Authority {
    /// Makes one in `directory`. Its own certificate shows the host name `own_name`, for a server that has no other.
    ///
    /// # Errors
    /// openssl is missing or fails.
    pub fn new(directory: &Path, own_name: Option<&str>) -> Result<Self> {
        let own = Self {
            directory: directory.to_owned(),
        };
        let mut words = format!("req -x509 {DAYS} -subj /CN=authority {NEW_KEY}");
        if let Some(name) = own_name {
            words += &format!(
                " -addext basicConstraints=critical,CA:TRUE -addext subjectAltName=DNS:{name}"
            );
        }
        own.openssl(&format!("{words} -keyout ca.key -out ca.crt"))?;
        Ok(own)
    }

    /// Makes the certificate `name` for `common`, with these alternative names (`DNS:localhost,IP:127.0.0.1`). Without any it is as
    /// those of pgBackRest's guide: version 1, a common name alone.
    ///
    /// # Errors
    /// openssl fails.
    pub fn issue(&self, name: &str, common: &str, names: Option<&str>) -> Result<()> {
        let mut extension = String::new();
        if let Some(names) = names {
            let file = format!("{name}.names");
            std::fs::write(self.file(&file), format!("subjectAltName={names}"))
                .during("write the names")?;
            extension = format!(" -extfile {file}");
        }
        self.openssl(&format!(
            "req -subj /CN={common} {NEW_KEY} -keyout {name}.key -out {name}.csr"
        ))?;
        self.openssl(&format!(
            "x509 -req -in {name}.csr -out {name}.crt -CA ca.crt -CAkey ca.key -CAcreateserial {DAYS}{extension}"
        ))
    }

    fn openssl(&self, words: &str) -> Result<()> {
        let program = Path::new("/usr/bin/openssl");
        if !program.exists() {
            return Err(Error::missing("openssl"));
        }
        let mut command = Command::new(program);
        command.current_dir(&self.directory).args(words.split(' '));
        run(&mut command)?.success().map(drop)
    }

    /// One of its files.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A certificate and its key; `ca` is the authority's own.
    #[must_use]
    pub fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
        (
            self.file(&format!("{name}.crt")),
            self.file(&format!("{name}.key")),
        )
    }
}
