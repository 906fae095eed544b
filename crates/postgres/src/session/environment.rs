//! What libpq takes from the environment, handed in as values: this crate reads no environment itself.
//!
//! A variable that is set but empty counts as not set.

use std::path::PathBuf;

use secrecy::SecretString;

/// The variables of libpq that bear on a connection whose database and port are given.
#[derive(Debug, Clone, Default)]
pub struct LibpqEnvironment {
    /// `PGHOST`: a socket directory, or names of hosts.
    pub host: Option<String>,
    /// `PGHOSTADDR`: an IP address, which takes precedence over every host.
    pub hostaddr: Option<String>,
    /// `PGUSER`
    pub user: Option<String>,
    /// `PGPASSWORD`
    pub password: Option<SecretString>,
    /// `PGPASSFILE`
    pub passfile: Option<PathBuf>,
    /// `PGSERVICE`
    pub service: Option<String>,
    /// `PGSERVICEFILE`
    pub servicefile: Option<PathBuf>,
    /// `PGSYSCONFDIR`: where the system-wide `pg_service.conf` is.
    pub sysconfdir: Option<PathBuf>,
    /// `PGOPTIONS`
    pub options: Option<String>,
    /// `PGCONNECT_TIMEOUT`, in seconds.
    pub connect_timeout: Option<String>,
    /// `PGSSLMODE`
    pub sslmode: Option<String>,
}

impl LibpqEnvironment {
    /// Picks libpq's variables out of an environment.
    pub fn from_variables<K: AsRef<str>, V: AsRef<str>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            let value = value.as_ref();
            if value.is_empty() {
                continue;
            }
            let text = || Some(value.to_owned());
            match name.as_ref() {
                "PGHOST" => environment.host = text(),
                "PGHOSTADDR" => environment.hostaddr = text(),
                "PGUSER" => environment.user = text(),
                "PGPASSWORD" => environment.password = text().map(SecretString::from),
                "PGPASSFILE" => environment.passfile = text().map(PathBuf::from),
                "PGSERVICE" => environment.service = text(),
                "PGSERVICEFILE" => environment.servicefile = text().map(PathBuf::from),
                "PGSYSCONFDIR" => environment.sysconfdir = text().map(PathBuf::from),
                "PGOPTIONS" => environment.options = text(),
                "PGCONNECT_TIMEOUT" => environment.connect_timeout = text(),
                "PGSSLMODE" => environment.sslmode = text(),
                _ => {}
            }
        }
        environment
    }
}
