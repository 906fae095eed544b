//! Servers to test against, and storages on them.

use std::time::{Duration, SystemTime};

use pgkeep_storage::Storage;
use pgkeep_storage::gcs::{GcsSettings, TokenSource, open};
use pgkeep_storage::http::{Endpoint, Now};
use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer, TOKEN};

/// The time of this machine.
pub(crate) fn now() -> Now {
    Now::new(seconds)
}

pub(crate) fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("not for long")
}

pub(crate) fn start() -> pgkeep_testkit::Result<ObjectServer> {
    ObjectServer::start(Kind::Gcs)
}

/// Settings for the whole bucket of `server`, with TLS and the right token.
pub(crate) fn settings(server: &ObjectServer) -> GcsSettings {
    let endpoint = Endpoint {
        tls: true,
        host: "localhost".to_owned(),
        port: Some(server.address().port()),
    };
    let mut settings = GcsSettings::new(BUCKET, endpoint, TokenSource::Given(TOKEN.into()), now());
    settings.http.ca_file = Some(server.ca_file());
    settings.http.io_timeout = Duration::from_secs(30);
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
pub(crate) fn open_boxed(settings: GcsSettings) -> pgkeep_storage::Result<Box<dyn Storage>> {
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
