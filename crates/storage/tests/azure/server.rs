//! Azurite to test against, and storages on it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use pgkeep_storage::Storage;
use pgkeep_storage::azure::{Access, AzureSettings, UriStyle, open};
use pgkeep_storage::http::{Endpoint, HttpSettings, Now};
use pgkeep_testkit::object_server::{ACCOUNT, ACCOUNT_KEY, BUCKET, ObjectServer};

/// The time of this machine.
fn now() -> Now {
    Now::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        i64::try_from(since.expect("after 1970").as_secs()).expect("not for long")
    })
}

fn at(address: SocketAddr) -> Endpoint {
    Endpoint {
        tls: true,
        host: "localhost".to_owned(),
        port: Some(address.port()),
    }
}

/// Settings for the whole container of `server`, with TLS and the right key.
pub(crate) fn settings(server: &ObjectServer) -> AzureSettings {
    let endpoint = Endpoint {
        port: None,
        ..at(server.address())
    };
    let access = Access::Shared(ACCOUNT_KEY.into());
    let mut settings = AzureSettings::new(ACCOUNT, BUCKET, endpoint, access, now());
    settings.uri_style = UriStyle::Path;
    settings.http = HttpSettings::new(at(server.address()));
    settings.http.ca_file = Some(server.ca_file());
    // Azurite is one thread, and has less than a core where another suite runs beside this one.
    settings.http.io_timeout = Duration::from_secs(120);
    settings
}

/// A storage whose files are below `root`.
pub(crate) fn storage(
    server: &ObjectServer,
    root: &str,
) -> pgkeep_storage::Result<Box<dyn Storage>> {
    let mut settings = settings(server);
    settings.objects.root = root.to_owned();
    open_boxed(settings)
}

/// The storage as callers have it.
pub(crate) fn open_boxed(settings: AzureSettings) -> pgkeep_storage::Result<Box<dyn Storage>> {
    Ok(Box::new(open(settings)?))
}

/// Bytes that differ everywhere, the same for the same seed.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(length);
    out
}
