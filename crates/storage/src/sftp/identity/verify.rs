//! Decides whether the server that answered is the one that was meant.
//!
//! Invariant: `check` is called with the key whose possession the key exchange has just proven, before anything
//! else is sent; an `Err` ends the connection. It says what was offered, what was expected, where it was looked for
//! and which command resolves it safely.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ssh_key::public::KeyData;
use ssh_key::{Algorithm, Certificate, PublicKey};

use super::algorithm_order::{HostKeyOffer, order, same_kind};
use super::fingerprint::{blob, describe};
use super::known_hosts::{Entry, KnownHosts, Marker};
use super::known_hosts_files::{file_for_new_hosts, known_hosts_files};
use super::pin::{self, Pin};
use super::{accept_new, certificate};
use crate::sftp::settings::{HashType, HostKeyCheck, SftpSettings};
use crate::{Error, ErrorKind, Operation, Result};

/// How to learn the truth about a server's key.
const SHOW_FINGERPRINT: &str = "print the key's fingerprint on the server with: ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub";

/// Knows whom to trust, and remembers whom it trusted first.
#[derive(Debug)]
pub(crate) struct Verifier {
    check: HostKeyCheck,
    host: String,
    known_name: String,
    port: u16,
    address: String,
    legacy: bool,
    hash_type: Option<HashType>,
    configured: Vec<String>,
    /// Some of them stand in `repo-sftp-host-pin`.
    pinned: bool,
    pins: Vec<Pin>,
    known: KnownHosts,
    /// Where `accept-new` writes.
    new_file: Option<PathBuf>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// The first connection's key; later ones must show the same.
    first: Option<KeyData>,
    /// Kinds of keys that matched no pin: the next try asks for others.
    refused: Vec<Algorithm>,
    offered: Vec<String>,
}

impl Verifier {
    /// Reads known_hosts (where the check needs them) and the configured fingerprints.
    pub(crate) fn new(settings: &SftpSettings) -> Result<Self> {
        let address = settings.address();
        let pins = configured_pins(settings).map_err(|why| {
            identity(&address, format!("configured fingerprint {why}")).with_hint(SHOW_FINGERPRINT)
        })?;
        if settings.host_key_check == HostKeyCheck::Fingerprint && pins.is_empty() {
            return Err(identity(
                &address,
                "host key check 'fingerprint' without a fingerprint".into(),
            ));
        }
        let files = known_hosts_files(settings);
        let reads = matches!(
            settings.host_key_check,
            HostKeyCheck::Strict | HostKeyCheck::AcceptNew
        );
        if settings.host_key_check == HostKeyCheck::None {
            log::warn!(
                "host key check is off for '{address}' (repo-sftp-host-key-check-type=none): any server that answers is trusted"
            );
        }
        Ok(Self {
            check: settings.host_key_check,
            host: settings.host.to_ascii_lowercase(),
            known_name: settings.known_name(),
            port: settings.port,
            legacy: settings.legacy_algorithms,
            hash_type: settings.hash_type,
            configured: [&settings.fingerprints[..], &settings.pins[..]].concat(),
            pinned: !settings.pins.is_empty(),
            pins,
            known: if reads {
                KnownHosts::load(&files)
            } else {
                KnownHosts::default()
            },
            new_file: file_for_new_hosts(settings),
            address,
            memory: Mutex::new(Memory::default()),
        })
    }

    /// What to offer in the next handshake.
    pub(crate) fn offer(&self) -> HostKeyOffer {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = &memory.first {
            let mut offer = order(&[first.algorithm()], self.authorities(), &[], self.legacy);
            offer.keys.retain(|one| same_kind(one, &first.algorithm()));
            return offer;
        }
        let known: Vec<Algorithm> = self
            .lines()
            .into_iter()
            .filter(|entry| entry.marker == Marker::None)
            .map(|entry| entry.key.algorithm())
            .collect();
        order(&known, self.authorities(), &memory.refused, self.legacy)
    }

    /// Whether another kind of host key may be asked for after a fingerprint did not match.
    pub(crate) fn may_offer_other_kind(&self) -> bool {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        self.check == HostKeyCheck::Fingerprint
            && memory.first.is_none()
            && !memory.refused.is_empty()
            && memory.refused.len() < 4
    }

    fn authorities(&self) -> bool {
        self.lines()
            .iter()
            .any(|entry| entry.marker == Marker::CertAuthority)
    }

    /// Lines for `[host]:port`; where there are none, lines for the bare host (as OpenSSH and pgBackRest do).
    fn lines(&self) -> Vec<&Entry> {
        let exact: Vec<&Entry> = self.known.matching(&self.known_name).collect();
        if exact.is_empty() && self.port != 22 {
            self.known.matching(&self.host).collect()
        } else {
            exact
        }
    }

    /// Accepts or refuses the server.
    pub(crate) fn check(&self, key: &PublicKey, certificate: Option<&Certificate>) -> Result<()> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = &memory.first {
            if first == key.key_data() {
                return Ok(());
            }
            return Err(identity(
                &self.address,
                format!(
                    "the server's host key changed during the run: offered {}, expected {}",
                    describe(key.key_data()),
                    describe(first)
                ),
            )
            .with_hint(
                "another machine answered under this name. Find out which before running again",
            ));
        }
        match self.check {
            HostKeyCheck::None => {}
            HostKeyCheck::Fingerprint => self.check_pins(key, &mut memory)?,
            HostKeyCheck::Strict | HostKeyCheck::AcceptNew => self.check_known(key, certificate)?,
        }
        memory.first = Some(key.key_data().clone());
        Ok(())
    }

    fn check_pins(&self, key: &PublicKey, memory: &mut Memory) -> Result<()> {
        let blob = blob(key.key_data());
        if self.pins.iter().any(|pin| pin.matches(&blob)) {
            return Ok(());
        }
        memory.refused.push(key.algorithm());
        memory.offered.push(describe(key.key_data()));
        let shown = match self.hash_type {
            Some(hash) => pin::hex(hash, &blob),
            None => pin::openssh(&blob),
        };
        let option = if self.pinned {
            "repo-sftp-host-pin"
        } else {
            "repo-sftp-host-fingerprint"
        };
        Err(identity(
            &self.address,
            format!(
                "host [{shown}] and configured fingerprint ({option}) [{}] do not match; offered: {}",
                self.configured.join(", "),
                memory.offered.join(", ")
            ),
        )
        .with_hint("someone may be between you and the server, or the server got a new key.")
        .with_hint(SHOW_FINGERPRINT)
        .with_hint("if that is the one offered, set it in repo-sftp-host-pin, which may be given several times."))
    }

    fn check_known(&self, key: &PublicKey, certificate: Option<&Certificate>) -> Result<()> {
        let lines = self.lines();
        let revoked = |data: &KeyData| {
            let all = self
                .known
                .matching(&self.known_name)
                .chain(self.known.matching(&self.host));
            all.into_iter()
                .find(|entry| entry.marker == Marker::Revoked && entry.key.key_data() == data)
        };
        for data in [
            Some(key.key_data()),
            certificate.map(Certificate::signature_key),
        ]
        .into_iter()
        .flatten()
        {
            if let Some(entry) = revoked(data) {
                return Err(identity(
                    &self.address,
                    format!(
                        "known hosts failure: '{}' offered {}, which is revoked in line {} of '{}'",
                        self.host,
                        describe(data),
                        entry.line,
                        entry.file.display()
                    ),
                )
                .with_hint("the server uses a key that must not be trusted any more. Have a new host key made on the server"));
            }
        }
        let mut certificate_refused = None;
        if let Some(certificate) = certificate {
            match certificate::check(certificate, &lines, &self.host, self.legacy) {
                Ok(()) => return Ok(()),
                // As OpenSSH: the key inside may still be known by itself.
                Err(why) => certificate_refused = Some(why),
            }
        }
        let plain: Vec<&&Entry> = lines
            .iter()
            .filter(|entry| entry.marker == Marker::None)
            .collect();
        if let Some(entry) = plain
            .iter()
            .find(|entry| entry.key.key_data() == key.key_data())
        {
            log::debug!(
                "host key of '{}' found in line {} of '{}'",
                self.host,
                entry.line,
                entry.file.display()
            );
            return Ok(());
        }
        if let Some(why) = certificate_refused {
            return Err(identity(&self.address, format!("host certificate of '{}' refused: {why}", self.host))
                .with_hint("show it with: ssh-keygen -L -f /etc/ssh/ssh_host_ed25519_key-cert.pub (on the server)"));
        }
        let offered = describe(key.key_data());
        if !plain.is_empty() {
            let expected: Vec<String> = plain
                .iter()
                .map(|entry| {
                    format!(
                        "{} (line {} of '{}')",
                        describe(entry.key.key_data()),
                        entry.line,
                        entry.file.display()
                    )
                })
                .collect();
            return Err(identity(
                &self.address,
                format!(
                    "known hosts failure: '{}' mismatch in known hosts files: offered {offered}, expected {}: check type [{}]",
                    self.host,
                    expected.join(" or "),
                    self.check.name()
                ),
            )
            .with_hint("someone may be between you and the server, or the server got a new key. Ask its administrator for the fingerprint")
            .with_hint(format!(
                "only if it is the one offered: ssh-keygen -R '{}' -f '{}', then add the new key",
                self.known_name,
                plain[0].file.display()
            )));
        }
        if self.check == HostKeyCheck::AcceptNew {
            return self.accept(key);
        }
        let file = self.new_file.as_ref().map_or_else(
            || "~/.ssh/known_hosts".into(),
            |file| file.display().to_string(),
        );
        Err(identity(
            &self.address,
            format!(
                "known hosts failure: '{}' not found in known hosts files: offered {offered}, looked for '{}' in {}: check type [{}]",
                self.host,
                self.known_name,
                self.known.looked_in(),
                self.check.name()
            ),
        )
        .with_hint("compare the fingerprint with the server's own: ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub (on the server)")
        .with_hint(format!("if they are equal, add the host: ssh-keyscan -p {} {} >> '{file}'", self.port, self.host))
        .with_hint("or give the server's own to: pgkeep --fingerprint=SHA256:… sftp-setup"))
    }

    fn accept(&self, key: &PublicKey) -> Result<()> {
        let Some(file) = &self.new_file else {
            log::warn!(
                "host '{}' not found in known hosts files, and there is no home directory to remember it in",
                self.host
            );
            return Ok(());
        };
        log::warn!(
            "host '{}' not found in known hosts files, attempting to add host to '{}'",
            self.host,
            file.display()
        );
        let mut bare = key.clone();
        bare.set_comment("");
        let text = bare.to_openssh().map_err(|error| {
            identity(
                &self.address,
                format!("unable to write the host key: {error}"),
            )
        })?;
        match accept_new::append(file, &self.known_name, text.trim()) {
            Ok(()) => log::warn!(
                "added new host '{}' ({}) to '{}'",
                self.known_name,
                describe(key.key_data()),
                file.display()
            ),
            Err(error) => log::warn!(
                "unable to add host '{}' to '{}': {error}",
                self.known_name,
                file.display()
            ),
        }
        Ok(())
    }
}

/// All configured fingerprints; `Err` says what is wrong with one.
fn configured_pins(settings: &SftpSettings) -> std::result::Result<Vec<Pin>, String> {
    let fingerprints = settings.fingerprints.iter();
    fingerprints
        .map(|text| Pin::parse(text, settings.hash_type))
        .chain(settings.pins.iter().map(|text| Pin::parse(text, None)))
        .collect()
}

/// Whether all configured fingerprints are SHA-256.
pub(crate) fn pins_are_strong(settings: &SftpSettings) -> bool {
    configured_pins(settings).is_ok_and(|pins| pins.iter().all(Pin::is_strong))
}

fn identity(address: &str, reason: String) -> Error {
    Error::new(ErrorKind::Identity, Operation::Connect, address, reason)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
