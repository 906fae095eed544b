//! Options of every TLS connection: ciphers, time limits, keep-alive.

use std::time::Duration;

use pgkeep_config::{Config, option};

use super::ciphers::Ciphers;
use super::socket::KeepAlive;

/// The ciphers that may be used.
#[must_use]
pub fn ciphers(config: &Config) -> Ciphers {
    let list = |option| config.string(option).map(str::to_owned);
    Ciphers {
        tls12: list(option::TLS_CIPHER_12),
        tls13: list(option::TLS_CIPHER_13),
    }
}

/// The port of the server on this host.
#[must_use]
pub fn server_port(config: &Config) -> u16 {
    let port = config.integer(option::TLS_SERVER_PORT);
    port.and_then(|port| u16::try_from(port).ok())
        .unwrap_or(8432)
}

/// Time for connecting and for the handshake.
#[must_use]
pub fn within(config: &Config) -> Duration {
    config
        .time(option::IO_TIMEOUT)
        .unwrap_or(Duration::from_secs(60))
}

/// What the kernel is asked to do about silent connections.
#[must_use]
pub fn keep_alive(config: &Config) -> KeepAlive {
    let number = |option| {
        config
            .integer(option)
            .and_then(|value| u32::try_from(value).ok())
    };
    let seconds = |option| number(option).map(|value| Duration::from_secs(value.into()));
    KeepAlive {
        on: config.boolean(option::SCK_KEEP_ALIVE),
        count: number(option::TCP_KEEP_ALIVE_COUNT),
        idle: seconds(option::TCP_KEEP_ALIVE_IDLE),
        interval: seconds(option::TCP_KEEP_ALIVE_INTERVAL),
    }
}
