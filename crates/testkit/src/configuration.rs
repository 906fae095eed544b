//! A configuration file in pgBackRest's form, for tests: read by both programs.
//!
//! Lock, spool and log directories lie in the scratch directory, so nothing of a test touches the system's own.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::cluster::Cluster;
use crate::error::Result;
use crate::object_server::ObjectServer;
use crate::scratch::Scratch;
use crate::sftp_server::SftpServer;

/// Sections and options in the order given.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    global: Vec<(String, String)>,
    stanzas: Vec<(String, Vec<(String, String)>)>,
}

impl Configuration {
    /// A file with one posix repository `repo` and its own lock, spool and log directories below `scratch`.
    pub fn new(scratch: &Scratch) -> Result<Self> {
        let mut made = Self::default();
        for (option, name) in [
            ("repo1-path", "repo"),
            ("lock-path", "lock"),
            ("spool-path", "spool"),
            ("log-path", "log"),
        ] {
            made = made.global(option, scratch.make_dir(name)?.display());
        }
        Ok(made
            .global("log-level-file", "detail")
            .global("archive-timeout", 300)
            .global("start-fast", "y"))
    }

    /// Adds or replaces an option of section `[global]`.
    pub fn global(mut self, option: &str, value: impl ToString) -> Self {
        set(&mut self.global, option, value);
        self
    }

    /// Adds or replaces an option of a stanza's section.
    pub fn stanza(mut self, stanza: &str, option: &str, value: impl ToString) -> Self {
        let at = self
            .stanzas
            .iter()
            .position(|(name, _)| name == stanza)
            .unwrap_or_else(|| {
                self.stanzas.push((stanza.to_owned(), Vec::new()));
                self.stanzas.len() - 1
            });
        set(&mut self.stanzas[at].1, option, value);
        self
    }

    /// Puts repository 1 on an SFTP server, with the options that either program wants.
    pub fn sftp(self, server: &SftpServer) -> Self {
        let known = server.known_hosts().to_owned();
        self.sftp_options(1, server, server.address(), &known)
    }

    /// Puts a repository on an SFTP server that is reached at another address: that of a proxy before it.
    pub fn sftp_behind(self, key: usize, server: &SftpServer, address: SocketAddr) -> Result<Self> {
        let known = server.known_hosts_for(address)?;
        Ok(self.sftp_options(key, server, address, &known))
    }

    fn sftp_options(self, key: usize, server: &SftpServer, at: SocketAddr, known: &Path) -> Self {
        let option = |name: &str| format!("repo{key}-{name}");
        self.global(&option("type"), "sftp")
            .global(&option("path"), server.remote_dir())
            .global(&option("sftp-host"), at.ip())
            .global(&option("sftp-host-port"), at.port())
            .global(&option("sftp-host-user"), server.user())
            .global(&option("sftp-host-key-hash-type"), "sha256")
            .global(
                &option("sftp-private-key-file"),
                server.private_key().display(),
            )
            .global(
                &option("sftp-public-key-file"),
                server.public_key().display(),
            )
            .global(&option("sftp-known-host"), known.display())
    }

    /// Puts a repository into the bucket of an object store, with the options that either program wants.
    pub fn bucket(self, key: usize, server: &ObjectServer) -> Self {
        server
            .options(key)
            .iter()
            .fold(self, |made, (option, value)| made.global(option, value))
    }

    /// The same on another way to the server: the port of a front.
    pub fn bucket_at(self, key: usize, server: &ObjectServer, port: u16) -> Self {
        server
            .options_at(key, port)
            .iter()
            .fold(self, |made, (option, value)| made.global(option, value))
    }

    /// Adds a stanza for a cluster: its path, socket directory, port and user.
    pub fn cluster(self, stanza: &str, cluster: &Cluster) -> Self {
        self.cluster_at(stanza, 1, cluster)
    }

    /// The same for the cluster with this key.
    pub fn cluster_at(self, stanza: &str, key: usize, cluster: &Cluster) -> Self {
        let option = |name: &str| format!("pg{key}-{name}");
        self.stanza(stanza, &option("path"), cluster.data_dir().display())
            .stanza(
                stanza,
                &option("socket-path"),
                cluster.socket_dir().display(),
            )
            .stanza(stanza, &option("port"), cluster.port())
            .stanza(stanza, &option("user"), "postgres")
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = String::from("[global]\n");
        let section = |options: &[(String, String)], text: &mut String| {
            for (option, value) in options {
                writeln!(text, "{option}={value}").expect("writing to a string");
            }
        };
        section(&self.global, &mut text);
        for (stanza, options) in &self.stanzas {
            writeln!(text, "\n[{stanza}]").expect("writing to a string");
            section(options, &mut text);
        }
        text
    }

    /// Writes it below `scratch`; give the result as `--config`.
    pub fn write(&self, scratch: &Scratch, name: &str) -> Result<PathBuf> {
        scratch.write(name, self.text())
    }
}

fn set(options: &mut Vec<(String, String)>, option: &str, value: impl ToString) {
    let value = value.to_string();
    match options.iter_mut().find(|(name, _)| name == option) {
        Some(found) => found.1 = value,
        None => options.push((option.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_value_replaces_an_earlier_one_in_its_place() {
        let text = Configuration::default()
            .global("process-max", 1)
            .global("compress-type", "gz")
            .global("process-max", 2)
            .stanza("main", "pg1-path", "/pg")
            .text();
        assert_eq!(
            text,
            "[global]\nprocess-max=2\ncompress-type=gz\n\n[main]\npg1-path=/pg\n"
        );
    }
}
