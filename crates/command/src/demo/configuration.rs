//! The configuration of the demonstration.
#![allow(clippy::disallowed_methods)] // a configuration file in a scratch directory is no storage of ours

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::sftp_server::SftpServer;
use super::workplace::{PORT, Workplace, failed};
use crate::error::{Error, ErrorCode, Result};

impl Workplace {
    /// Writes the configuration: an encrypted repository here, and a bundled one on the server if there is one.
    pub(super) fn configure(&self, server: Option<&SftpServer>) -> Result<()> {
        let mut random = [0; 48];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| {
            Error::new(
                ErrorCode::Crypto,
                "unable to get random bytes for a passphrase",
            )
        })?;
        let mut text = format!(
            "[global]\nrepo1-path={root}/repo\nrepo1-retention-full=2\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass={pass}\n\
             log-path={root}/log\nlock-path={root}/lock\nspool-path={root}/spool\nstart-fast=y\ncompress-type=zst\nprocess-max=2\n",
            root = self.root().display(),
            pass = BASE64_STANDARD.encode(random),
        );
        if let Some(server) = server {
            text.push_str(&server.options());
            text.push_str("repo2-retention-full=2\nrepo2-bundle=y\n");
        }
        text.push_str(&format!(
            "\n[demo]\npg1-path={root}/data\npg1-socket-path={root}/run\npg1-port={PORT}\npg1-user=demo\n",
            root = self.root().display()
        ));
        let config = self.config();
        fs::write(&config, text).map_err(|error| failed("write", &config, &error))?;
        // There is a pass-phrase in it.
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600))
            .map_err(|error| failed("set mode of", &config, &error))?;
        if self.account().switch {
            chown(&config, Some(self.account().uid), Some(self.account().gid))
                .map_err(|error| failed("set owner of", &config, &error))?;
        }
        Ok(())
    }
}
