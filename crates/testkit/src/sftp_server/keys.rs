//! Host keys and client keys, and `known_hosts` files that name them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{During, Error, Result};
use crate::run::run;
use crate::scratch::Scratch;

pub(super) fn keygen(account: &Account, path: &Path, kind: &str) -> Result<()> {
    keygen_with(account, path, &[kind])
}

pub(super) fn keygen_with(account: &Account, path: &Path, kind: &[&str]) -> Result<()> {
    if !Path::new("/usr/bin/ssh-keygen").exists() {
        return Err(Error::missing("ssh-keygen"));
    }
    run(account
        .command("ssh-keygen")
        .args(["-q", "-N", "", "-C", "pgkeep test", "-t"])
        .args(kind)
        .arg("-f")
        .arg(path))?
    .success()
    .map(drop)
}

pub(super) fn known_hosts(scratch: &Scratch, address: SocketAddr) -> Result<PathBuf> {
    let key = fs::read_to_string(scratch.join("host_key.pub")).during("read the host key")?;
    let words: Vec<&str> = key.split_whitespace().take(2).collect();
    let name = format!("known_hosts.{}", address.port());
    scratch.write(
        name,
        format!(
            "[{}]:{} {}\n",
            address.ip(),
            address.port(),
            words.join(" ")
        ),
    )
}
