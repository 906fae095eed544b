//! The name of another host in messages.

use std::fmt;

use crate::remote::wire::greeting::Side;

/// Another host and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    pub side: Side,
    /// 1 for `pg1` or `repo1`.
    pub key: u32,
    /// Value of `pg-host` or `repo-host`.
    pub host: String,
    /// `ssh` or `tls`.
    pub transport: &'static str,
}

impl HostName {
    /// What is put before the text of an error that the other host has raised.
    #[must_use]
    pub fn raised_from(&self) -> String {
        format!("raised from {self}: ")
    }

    /// The process that serves there, as pgBackRest names it.
    #[must_use]
    pub fn process(&self) -> String {
        format!("remote-0 process on '{}'", self.host)
    }
}

/// `remote-0 ssh protocol on 'host'`
impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remote-0 {} protocol on '{}'", self.transport, self.host)
    }
}
