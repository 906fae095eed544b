//! A certificate authority of one test, and a server's certificate from it. Made by the openssl program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{During, Error, Result};
use crate::run::run;

/// Names that the server's certificate has.
const NAMES: &str = "subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1";

/// Name that its own certificate has, for a server that shows this.
const OWN_NAME: &str = "subjectAltName=DNS:localhost";

/// Files of the authority.
#[derive(Debug)]
pub(super) struct Authority {
    directory: PathBuf,
}

impl Authority {
    pub(super) fn new(directory: &Path) -> Result<Self> {
        let own = Self {
            directory: directory.to_owned(),
        };
        let program = Path::new("/usr/bin/openssl");
        if !program.exists() {
            return Err(Error::missing("openssl"));
        }
        std::fs::write(own.file("names"), NAMES).during("write the names")?;
        let curve = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ];
        let step = |arguments: &[&str]| -> Result<()> {
            let mut command = Command::new(program);
            command.current_dir(directory).args(arguments);
            run(&mut command)?.success().map(drop)
        };
        step(
            &[
                &["req", "-x509", "-days", "30", "-subj", "/CN=test authority"],
                &curve[..],
                &["-addext", "basicConstraints=critical,CA:TRUE"],
                &["-addext", OWN_NAME],
                &["-keyout", "ca.key", "-out", "ca.crt"],
            ]
            .concat(),
        )?;
        step(
            &[
                &["req", "-subj", "/CN=localhost"],
                &curve[..],
                &["-keyout", "server.key", "-out", "server.csr"],
            ]
            .concat(),
        )?;
        step(&[
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "30",
            "-extfile",
            "names",
            "-out",
            "server.crt",
        ])?;
        Ok(own)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Its own certificate.
    pub(super) fn certificate(&self) -> PathBuf {
        self.file("ca.crt")
    }

    /// Its own certificate and key, for a server that has no other.
    pub(super) fn itself(&self) -> (PathBuf, PathBuf) {
        (self.file("ca.crt"), self.file("ca.key"))
    }

    /// The server's certificate and its key.
    pub(super) fn server(&self) -> (PathBuf, PathBuf) {
        (self.file("server.crt"), self.file("server.key"))
    }
}
