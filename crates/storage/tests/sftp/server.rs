//! A server to test against, and storages on it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::sftp::{SftpSettings, SftpStorage};
use pgkeep_storage::{StoragePath, WriteMode, WriteOptions};
use pgkeep_testkit::sftp_server::SftpServer;

/// Settings for `server`, reached at `address` (its own or that of a proxy before it).
pub(crate) fn settings_at(
    server: &SftpServer,
    address: SocketAddr,
) -> Result<SftpSettings, Box<dyn std::error::Error>> {
    let mut settings =
        SftpSettings::new(address.ip().to_string(), server.user(), server.remote_dir());
    settings.port = address.port();
    settings.private_key_file = Some(server.private_key());
    settings.known_hosts = Some(vec![server.known_hosts_for(address)?]);
    settings.io_timeout = Duration::from_secs(30);
    Ok(settings)
}

pub(crate) fn settings(server: &SftpServer) -> Result<SftpSettings, Box<dyn std::error::Error>> {
    settings_at(server, server.address())
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

pub(crate) fn in_place() -> WriteOptions {
    WriteOptions {
        mode: WriteMode::InPlace,
        ..WriteOptions::default()
    }
}

pub(crate) fn write(
    storage: &SftpStorage,
    path: &str,
    content: &[u8],
    options: &WriteOptions,
) -> pgkeep_storage::Result<()> {
    write_all(storage, &StoragePath::from(path), options, content).map(drop)
}

pub(crate) fn read(storage: &SftpStorage, path: &str) -> pgkeep_storage::Result<Option<Vec<u8>>> {
    read_all(storage, &StoragePath::from(path), 1 << 30)
}

/// Every file below `root` whose name ends like a temporary file.
pub(crate) fn temporary_files(root: &Path) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            } else if entry
                .file_name()
                .to_string_lossy()
                .ends_with(".pgbackrest.tmp")
            {
                found.push(entry.path().display().to_string());
            }
        }
    }
    Ok(found)
}
