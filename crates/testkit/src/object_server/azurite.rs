//! Azurite, which imitates Azure's blobs: it checks signatures, hashes and tokens, and knows no versions.
//!
//! What tests ask it goes through a script for Node.js, which is there where azurite is and signs by itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::error::Result;
use crate::run::run;

/// The account that it has.
pub const ACCOUNT: &str = "testaccount";
/// Key of the account.
pub const ACCOUNT_KEY: &str =
    "YSBrZXkgZm9yIHRlc3RzIG9ubHksIDY0IGJ5dGVzIGxvbmcsIG5vdCBhIHNlY3JldCBvZiBhbnlib2R5IGF0IGFsbA==";

const SCRIPT: &str = include_str!("azurite.js");

/// How it is started at an address; with a certificate and its key it has TLS of its own, without which it takes no tokens.
pub(super) fn options(
    command: &mut Command,
    at: SocketAddr,
    certificate: Option<(PathBuf, PathBuf)>,
) {
    command
        .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{ACCOUNT_KEY}"))
        .args(["--blobHost", &at.ip().to_string()])
        .args(["--blobPort", &at.port().to_string()])
        .args(["--inMemoryPersistence", "--silent", "--disableTelemetry"])
        .arg("--skipApiVersionCheck");
    if let Some((certificate, key)) = certificate {
        command
            .args(["--oauth", "basic", "--cert"])
            .arg(certificate)
            .arg("--key")
            .arg(key);
    }
}

/// What the script says to these arguments, which it asks at `address`.
pub(super) fn script(address: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("node");
    command
        .args(["-e", SCRIPT, "--", ACCOUNT, ACCOUNT_KEY, address])
        .args(arguments);
    Ok(run(&mut command)?.success()?.stdout)
}
