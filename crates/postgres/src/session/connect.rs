//! Opens the connection and says in libpq's words why it could not be opened.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use postgres::{Client, Config, NoTls};
use secrecy::ExposeSecret;

use super::settings::{Endpoint, SessionSettings, Target};
use crate::error::{Error, ErrorKind, Result};

/// A session that is idle for longer sends a sign of life: routers forget connections, some after few minutes, and nobody
/// would be told. Sockets of this host need none.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Time between signs of life that are not answered, and how many may be.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
/// How long a host may leave unanswered what was sent to it: one that lost its power says nothing at all.
const UNANSWERED: Duration = Duration::from_secs(60);

/// Connects, without preparing the session.
pub(super) fn connect(settings: &SessionSettings) -> Result<Client> {
    let failed = |reason: &str| {
        Error::new(
            ErrorKind::Connect,
            format!(
                "unable to connect to '{}': {}",
                settings.connection_text(),
                reason.trim()
            ),
        )
    };
    let target = settings.target().map_err(|error| failed(error.message()))?;
    config(&target, settings)
        .connect(NoTls)
        .map_err(|error| failed(&explain(&target, &error)))
}

fn config(target: &Target, settings: &SessionSettings) -> Config {
    let mut config = Config::new();
    config
        .dbname(&target.database)
        .user(&target.user)
        .port(target.port);
    // A notice is not of interest, and would otherwise be logged
    config.notice_callback(|_| {});
    match &target.endpoint {
        Endpoint::Socket(directory) => match directory.strip_prefix('@') {
            // A leading zero byte is how Linux spells the abstract namespace
            Some(name) => config.host_path(format!("\0{name}")),
            None => config.host_path(directory),
        },
        Endpoint::Hosts(hosts) => {
            for host in hosts {
                config.host(host);
            }
            &mut config
        }
        Endpoint::Address(address) => config.hostaddr(*address),
    };
    if let Some(password) = &target.password {
        config.password(password.expose_secret());
    }
    if let Some(options) = &target.options {
        config.options(options);
    }
    config
        .keepalives_idle(KEEPALIVE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .tcp_user_timeout(UNANSWERED);
    config.connect_timeout(target.connect_timeout.unwrap_or(settings.timeout));
    config
}

fn explain(target: &Target, error: &postgres::Error) -> String {
    let (place, question) = match &target.endpoint {
        Endpoint::Socket(directory) => (
            format!("on socket \"{directory}/.s.PGSQL.{}\"", target.port),
            "Is the server running locally and accepting connections on that socket?",
        ),
        Endpoint::Hosts(hosts) => (
            format!("at \"{}\", port {}", hosts.join(","), target.port),
            "Is the server running on that host and accepting TCP/IP connections?",
        ),
        Endpoint::Address(address) => (
            format!("at \"{address}\", port {}", target.port),
            "Is the server running on that host and accepting TCP/IP connections?",
        ),
    };
    let mut text = format!("connection to server {place} failed: ");
    if let Some(server) = error.as_db_error() {
        text += &server_message(server);
        if let (Some(file), Some(28)) = (&target.passfile, class(server)) {
            text += &format!("\npassword retrieved from file \"{}\"", file.display());
        }
        return text;
    }
    match error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
    {
        Some(error) => text + &io_text(error) + "\n\t" + question,
        None if error
            .source()
            .is_some_and(|source| source.to_string() == "password missing") =>
        {
            text + "fe_sendauth: no password supplied"
        }
        None => text + &client_text(error),
    }
}

/// The class of an SQLSTATE as a number; 28 is an invalid authorization.
fn class(error: &postgres::error::DbError) -> Option<u32> {
    error.code().code().get(..2)?.parse().ok()
}

/// What the server said, in the form libpq gives it.
pub(super) fn server_message(error: &postgres::error::DbError) -> String {
    let mut text = format!("{}:  {}", error.severity(), error.message());
    let more = [
        ("DETAIL", error.detail()),
        ("HINT", error.hint()),
        ("CONTEXT", error.where_()),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            text += &format!("\n{name}:  {value}");
        }
    }
    text
}

/// What the client library said: its own words, then the reason below them.
pub(super) fn client_text(error: &postgres::Error) -> String {
    if error.is_closed() {
        return "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\t\
                before or while processing the request."
            .to_owned();
    }
    match error.source() {
        Some(source) => match source.downcast_ref::<io::Error>() {
            Some(error) => io_text(error),
            None => format!("{error}: {source}"),
        },
        None => error.to_string(),
    }
}

/// The system's text for an error, without the number the standard library adds.
fn io_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_host_is_noticed_and_an_idle_connection_is_kept() {
        let settings = SessionSettings::default();
        let config = config(&settings.target().unwrap(), &settings);
        assert!(config.get_keepalives());
        assert_eq!(config.get_keepalives_idle(), KEEPALIVE);
        assert_eq!(config.get_keepalives_interval(), Some(KEEPALIVE_INTERVAL));
        assert_eq!(config.get_keepalives_retries(), Some(KEEPALIVE_RETRIES));
        assert_eq!(config.get_tcp_user_timeout(), Some(&UNANSWERED));
    }
}
