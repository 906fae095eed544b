//! Whose server it is: its host keys against known hosts, fingerprints given, or the answer at a prompt.
//!
//! Invariant: a key becomes known only when its own fingerprint was given or its own line was shown and confirmed.

use pgkeep_storage::sftp::setup::{self, HostKey, Standing};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::prompt::Prompt;

/// The keys that are to be written down; none if the server is known already.
///
/// # Errors
/// [`ErrorCode::Service`] for a key other than expected; [`ErrorCode::OptionRequired`] when nobody confirms.
pub(super) fn confirmed<'a>(
    settings: &Settings,
    keys: &'a [HostKey],
    prompt: &dyn Prompt,
) -> Result<Vec<&'a HostKey>> {
    let host = settings.storage.known_name();
    for key in keys {
        let what = match &key.standing {
            Standing::Changed(expected) => format!("expected {expected}"),
            Standing::Revoked(place) => format!("revoked in {place}"),
            Standing::New | Standing::Known(_) => continue,
        };
        return Err(wrong(format!(
            "'{host}' offered {} {}, {what}",
            key.kind, key.fingerprint
        ))
        .with_hint("someone may be between you and the server, or it has a new key. Ask its owner for the fingerprint.")
        .with_hint(format!("only if it is the one offered: ssh-keygen -R '{host}', then run this again.")));
    }
    let new = |key: &&HostKey| key.standing == Standing::New;
    if !settings.fingerprints.is_empty() {
        return Ok(by_fingerprint(settings, keys)?
            .into_iter()
            .filter(new)
            .collect());
    }
    if keys.iter().any(|key| !new(&key)) {
        return Ok(Vec::new());
    }
    let question = format!(
        "Host keys of '{host}':\n{}\nAsk the server's owner to read out: ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub\n\
         Type the fingerprint that you are told, or 'yes' if all of these are right: ",
        table(keys)
    );
    let Some(answer) = prompt.ask(&question)? else {
        return Err(Error::new(
            ErrorCode::OptionRequired,
            "sftp-setup command requires option: fingerprint",
        )
        .with_hint(format!("'{host}' offers {}.", offered(keys)))
        .with_hint("have the server's owner read out the fingerprint, then run this again with --fingerprint=SHA256:…; the script shows it too when it is run."));
    };
    let answer = answer.trim();
    if answer == "yes" {
        return Ok(keys.iter().collect());
    }
    let typed: Vec<&HostKey> = keys
        .iter()
        .filter(|key| key.has(answer) == Ok(true))
        .collect();
    if typed.is_empty() {
        return Err(wrong(format!("the host keys of '{host}' were not confirmed"))
            .with_hint("nothing was trusted. The key and the script are there; run this again when you have the fingerprint."));
    }
    Ok(typed)
}

/// Each fingerprint must be that of a key.
fn by_fingerprint<'a>(settings: &Settings, keys: &'a [HostKey]) -> Result<Vec<&'a HostKey>> {
    let mut found: Vec<&HostKey> = Vec::new();
    for fingerprint in &settings.fingerprints {
        let mut matched = false;
        for key in keys {
            let has = key.has(fingerprint).map_err(|why| {
                Error::new(
                    ErrorCode::OptionInvalidValue,
                    format!("{why} for 'fingerprint' option"),
                )
                .with_hint(
                    "it is the word that begins with SHA256: in the output of ssh-keygen -l.",
                )
            })?;
            if has {
                matched = true;
                if !found.iter().any(|one| one.fingerprint == key.fingerprint) {
                    found.push(key);
                }
            }
        }
        if !matched {
            return Err(wrong(format!(
                "no host key of '{}' has the fingerprint {}; it offers {}",
                settings.storage.known_name(),
                fingerprint.trim(),
                offered(keys)
            ))
            .with_hint("someone may be between you and the server: nothing was trusted. Compare with its owner again."));
        }
    }
    Ok(found)
}

/// One line for each key, as `ssh-keygen -l` prints it.
pub(super) fn table(keys: &[HostKey]) -> String {
    let line = |key: &HostKey| {
        let known = match &key.standing {
            Standing::Known(place) => format!(", known from {place}"),
            _ => String::new(),
        };
        format!("    {} ({}){known}", key.fingerprint, key.kind)
    };
    keys.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn offered(keys: &[HostKey]) -> String {
    let one = |key: &HostKey| format!("{} {}", key.kind, key.fingerprint);
    keys.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn wrong(message: String) -> Error {
    Error::new(ErrorCode::Service, message)
}

/// Asks the server; no login is tried.
///
/// # Errors
/// [`ErrorCode::HostConnect`] when it cannot be reached.
pub(super) fn learn(settings: &Settings) -> Result<Vec<HostKey>> {
    Ok(setup::host_keys(&settings.storage)?)
}
