//! What a session is told by the caller, and the target that follows from it by libpq's rules.
//!
//! Precedence: what the caller gave, then the service file, then the environment, then defaults. Nothing is connected here.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::environment::LibpqEnvironment;
use super::{pgpass, service};
use crate::error::{Error, ErrorKind, Result};

/// Where Debian's libpq looks for the socket.
pub(super) const DEFAULT_SOCKET_DIR: &str = "/var/run/postgresql";

/// How to reach a cluster and how long to wait for its answers.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Directory of the socket (`pg-socket-path`); one that begins with `@` is in the abstract namespace.
    pub socket_path: Option<String>,
    /// `pg-port`
    pub port: u16,
    /// `pg-database`
    pub database: String,
    /// `pg-user`
    pub user: Option<String>,
    /// How long one statement may take (`db-timeout`).
    pub timeout: Duration,
    /// Name of the session on the server, `pgBackRest [<command>]`.
    pub application_name: String,
    /// Name of the operating system user, the last resort for the database user.
    pub os_user: String,
    /// Home directory, where libpq's own files are.
    pub home: Option<PathBuf>,
    pub environment: LibpqEnvironment,
}

impl Default for SessionSettings {
    /// What the options of pgBackRest default to.
    fn default() -> Self {
        Self {
            socket_path: None,
            port: 5432,
            database: "postgres".to_owned(),
            user: None,
            timeout: Duration::from_secs(30 * 60),
            application_name: "pgBackRest".to_owned(),
            os_user: "postgres".to_owned(),
            home: None,
            environment: LibpqEnvironment::default(),
        }
    }
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Directory of a socket file.
    Socket(String),
    /// Host names, tried in turn.
    Hosts(Vec<String>),
    Address(IpAddr),
}

/// All that is needed to connect.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) endpoint: Endpoint,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: Option<SecretString>,
    /// The file the password came from, if it came from one.
    pub(super) passfile: Option<PathBuf>,
    pub(super) options: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
}

impl SessionSettings {
    /// The connection string of pgBackRest, as its messages show it.
    pub(super) fn connection_text(&self) -> String {
        let mut text = format!("dbname={} port={}", escape(&self.database), self.port);
        if let Some(user) = &self.user {
            text += &format!(" user={}", escape(user));
        }
        if let Some(host) = &self.socket_path {
            text += &format!(" host={}", escape(host));
        }
        text
    }

    pub(super) fn target(&self) -> Result<Target> {
        let environment = &self.environment;
        let mut service = service::load(environment, self.home.as_deref())?;
        // An empty value says nothing, as in the environment
        let mut setting = |name: &str, ours: &Option<String>, other: &Option<String>| {
            let service = service.remove(name);
            ours.clone()
                .into_iter()
                .chain(service)
                .chain(other.clone())
                .find(|value| !value.is_empty())
        };
        let hostaddr = setting("hostaddr", &None, &environment.hostaddr);
        let host = setting("host", &self.socket_path, &environment.host);
        let user =
            setting("user", &self.user, &environment.user).unwrap_or_else(|| self.os_user.clone());
        let options = setting("options", &None, &environment.options);
        let connect_timeout = setting("connect_timeout", &None, &environment.connect_timeout);
        let sslmode = setting("sslmode", &None, &environment.sslmode);
        let service_password = setting("password", &None, &None).map(SecretString::from);
        let service_passfile = setting("passfile", &None, &None).map(PathBuf::from);

        let endpoint = endpoint(host, hostaddr)?;
        if let (false, Some(mode)) = (matches!(endpoint, Endpoint::Socket(_)), &sslmode) {
            check_sslmode(mode)?;
        }
        let mut target = Target {
            port: self.port,
            database: self.database.clone(),
            user,
            password: service_password.or_else(|| environment.password.clone()),
            passfile: None,
            options,
            connect_timeout: connect_timeout
                .as_deref()
                .map(parse_timeout)
                .transpose()?
                .flatten(),
            endpoint,
        };
        if target.password.is_none() {
            let default = || self.home.as_deref().map(|home| home.join(".pgpass"));
            let passfile = service_passfile
                .or_else(|| environment.passfile.clone())
                .or_else(default);
            target.take_password(passfile.as_deref());
        }
        Ok(target)
    }
}

impl Target {
    fn take_password(&mut self, passfile: Option<&Path>) {
        let Some(path) = passfile else { return };
        let address;
        let host = match &self.endpoint {
            Endpoint::Socket(directory) if directory == DEFAULT_SOCKET_DIR => "localhost",
            Endpoint::Socket(directory) => directory,
            Endpoint::Hosts(hosts) => &hosts[0],
            Endpoint::Address(ip) => {
                address = ip.to_string();
                &address
            }
        };
        let wanted = pgpass::Wanted {
            host,
            port: self.port,
            database: &self.database,
            user: &self.user,
        };
        self.password = pgpass::from_file(path, wanted);
        self.passfile = self.password.is_some().then(|| path.to_owned());
    }
}

fn endpoint(host: Option<String>, hostaddr: Option<String>) -> Result<Endpoint> {
    if let Some(address) = hostaddr {
        let parsed = address.parse().map_err(|_| {
            Error::new(
                ErrorKind::Connect,
                format!("could not parse network address \"{address}\""),
            )
        })?;
        return Ok(Endpoint::Address(parsed));
    }
    Ok(match host {
        None => Endpoint::Socket(DEFAULT_SOCKET_DIR.to_owned()),
        Some(host) if host.starts_with(['/', '@']) => Endpoint::Socket(host),
        Some(hosts) => Endpoint::Hosts(hosts.split(',').map(str::to_owned).collect()),
    })
}

/// The session speaks no TLS, so a mode that insists on it cannot be served.
fn check_sslmode(mode: &str) -> Result<()> {
    match mode {
        "disable" | "allow" | "prefer" => Ok(()),
        _ => Err(Error::new(
            ErrorKind::Config,
            format!("sslmode value \"{mode}\" invalid when SSL support is not compiled in"),
        )),
    }
}

/// Whole seconds; zero and less mean no limit.
fn parse_timeout(text: &str) -> Result<Option<Duration>> {
    let seconds: i32 = text.trim().parse().map_err(|_| {
        Error::new(
            ErrorKind::Config,
            format!("invalid integer value \"{text}\" for connection option \"connect_timeout\""),
        )
    })?;
    Ok(u64::try_from(seconds)
        .ok()
        .filter(|&seconds| seconds > 0)
        .map(Duration::from_secs))
}

/// Quotes a value for a connection string.
fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('\'');
    for char in value.chars() {
        if matches!(char, '\'' | '\\') {
            text.push('\\');
        }
        text.push(char);
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests;
