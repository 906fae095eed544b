//! Host keys that a server showed, compared with known_hosts and with fingerprints, and written down when somebody said yes.
//!
//! Invariant: nothing here trusts by itself; [`write_down`] gets only keys that the user or a fingerprint confirmed.

use std::path::PathBuf;

use ssh_key::PublicKey;

use super::known_hosts::{KnownHosts, Marker, kind_name};
use super::known_hosts_files::{file_for_new_hosts, known_hosts_files};
use super::pin::{self, Pin};
use super::{accept_new, algorithm_order};
use crate::sftp::settings::{HashType, SftpSettings};
use crate::{Error, ErrorKind, Operation, Result};

/// What known_hosts says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    New,
    /// A line has it: `line 3 of '/home/pg/.ssh/known_hosts'`.
    Known(String),
    /// A line has another key of this kind; the text has its fingerprint and the line.
    Changed(String),
    /// A line revokes it.
    Revoked(String),
}

/// One host key of a server.
#[derive(Debug, Clone)]
pub struct HostKey {
    key: PublicKey,
    /// `ED25519`, `ECDSA`, `RSA`
    pub kind: String,
    /// `SHA256:…` as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    pub standing: Standing,
}

impl HostKey {
    /// Whether the key has this fingerprint; every SHA-256 form is understood.
    ///
    /// # Errors
    /// A text that is no SHA-256 fingerprint. MD5 and SHA-1 are refused: keys can be made to fit them.
    pub fn has(&self, fingerprint: &str) -> std::result::Result<bool, String> {
        let pin = Pin::parse(fingerprint, Some(HashType::Sha256))?;
        if !pin.is_strong() {
            return Err(format!("'{}' is an MD5 fingerprint", fingerprint.trim()));
        }
        Ok(pin.matches(&self.key.to_bytes().unwrap_or_default()))
    }
}

/// Holds each key against the known_hosts files of these settings.
pub(crate) fn compare(settings: &SftpSettings, keys: Vec<PublicKey>) -> Vec<HostKey> {
    let known = KnownHosts::load(&known_hosts_files(settings));
    let name = settings.known_name();
    let host = settings.host.to_ascii_lowercase();
    keys.into_iter()
        .map(|key| HostKey {
            kind: kind_name(key.key_data()),
            fingerprint: pin::openssh(&key.to_bytes().unwrap_or_default()),
            standing: standing(&known, &name, &host, &key),
            key,
        })
        .collect()
}

fn standing(known: &KnownHosts, name: &str, host: &str, key: &PublicKey) -> Standing {
    let place =
        |line: usize, file: &std::path::Path| format!("line {line} of '{}'", file.display());
    if let Some(entry) = known
        .matching(name)
        .chain(known.matching(host))
        .find(|entry| entry.marker == Marker::Revoked && entry.key.key_data() == key.key_data())
    {
        return Standing::Revoked(place(entry.line, &entry.file));
    }
    // As a later run will look: the bare name counts where no line has the port.
    let mut lines: Vec<_> = known.matching(name).collect();
    if lines.is_empty() {
        lines = known.matching(host).collect();
    }
    lines.retain(|entry| entry.marker == Marker::None);
    if let Some(entry) = lines
        .iter()
        .find(|entry| entry.key.key_data() == key.key_data())
    {
        return Standing::Known(place(entry.line, &entry.file));
    }
    lines
        .iter()
        .find(|entry| algorithm_order::same_kind(&entry.key.algorithm(), &key.algorithm()))
        .map_or(Standing::New, |entry| {
            let expected = pin::openssh(&entry.key.to_bytes().unwrap_or_default());
            Standing::Changed(format!("{expected} in {}", place(entry.line, &entry.file)))
        })
}

/// Appends the keys to the known_hosts file that new hosts go to, and says which that is.
pub(crate) fn write_down(settings: &SftpSettings, keys: &[&HostKey]) -> Result<PathBuf> {
    let file = file_for_new_hosts(settings).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            Operation::OpenWrite,
            "known_hosts",
            "the user has no home directory",
        )
        .with_hint("name a file with repo-sftp-known-host")
    })?;
    let failed = |reason: &dyn std::fmt::Display| {
        let name = file.display().to_string();
        Error::new(
            ErrorKind::Denied,
            Operation::OpenWrite,
            name,
            reason.to_string(),
        )
    };
    let mut lines = Vec::new();
    for host_key in keys {
        let mut bare = host_key.key.clone();
        bare.set_comment("");
        lines.push(
            bare.to_openssh()
                .map_err(|error| failed(&error))?
                .trim()
                .to_owned(),
        );
    }
    accept_new::append_all(&file, &settings.known_name(), &lines, "pgkeep sftp-setup")
        .map_err(|error| failed(&error))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQtTWVTzd2t27+t0DEHBPW7iOD23TUiYLio";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIRfPmYmkZkRvGeFP1yMTAMHjNKhOWqoBOPTzQmDhcaZ";

    fn compared(dir: &std::path::Path, known: &str, port: u16) -> (SftpSettings, HostKey) {
        let file = dir.join("known_hosts");
        #[allow(clippy::disallowed_methods)]
        std::fs::write(&file, known).unwrap();
        let mut settings = SftpSettings::new("Host", "u", "/r");
        settings.known_hosts = Some(vec![file]);
        settings.port = port;
        let key = PublicKey::from_openssh(ONE).unwrap();
        let compared = compare(&settings, vec![key]).remove(0);
        (settings, compared)
    }

    #[test]
    fn a_key_is_new_known_changed_or_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let standing = |known: &str, port| compared(dir.path(), known, port).1.standing;
        assert_eq!(standing("", 22), Standing::New);
        assert!(matches!(
            standing(&format!("host {ONE}\n"), 22),
            Standing::Known(_)
        ));
        assert!(matches!(
            standing(&format!("host {ONE}\n"), 2222),
            Standing::Known(_)
        ));
        assert!(matches!(
            standing(&format!("host {TWO}\n"), 22),
            Standing::Changed(_)
        ));
        assert!(matches!(
            standing(&format!("host {ONE}\n@revoked * {ONE}\n"), 22),
            Standing::Revoked(_)
        ));
    }

    #[test]
    fn what_was_confirmed_is_written_once_under_the_name_that_is_looked_up() {
        let dir = tempfile::tempdir().unwrap();
        let (settings, key) = compared(dir.path(), "# mine\n", 2222);
        write_down(&settings, &[&key]).unwrap();
        let file = write_down(&settings, &[&key]).unwrap();
        #[allow(clippy::disallowed_methods)]
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            format!("# mine\n[Host]:2222 {ONE} pgkeep sftp-setup\n")
        );
        let again = compare(&settings, vec![key.key.clone()]).remove(0);
        assert!(matches!(again.standing, Standing::Known(_)));
    }

    #[test]
    fn only_sha256_confirms() {
        let dir = tempfile::tempdir().unwrap();
        let (_, key) = compared(dir.path(), "", 22);
        assert_eq!(key.has(&key.fingerprint), Ok(true));
        assert_eq!(
            key.has(&pin::hex(HashType::Sha256, &key.key.to_bytes().unwrap())),
            Ok(true)
        );
        assert_eq!(
            key.has("SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            Ok(false)
        );
        for text in [
            pin::hex(HashType::Md5, &key.key.to_bytes().unwrap()),
            pin::hex(HashType::Sha1, &key.key.to_bytes().unwrap()),
            format!(
                "MD5:{}",
                pin::hex(HashType::Md5, &key.key.to_bytes().unwrap())
            ),
            "yes".into(),
        ] {
            assert!(key.has(&text).is_err(), "{text}");
        }
    }
}
