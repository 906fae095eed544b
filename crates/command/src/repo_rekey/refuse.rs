//! Where new keys for what is stored would be a danger: whoever writes from elsewhere goes on with the old ones.

use pgkeep_config::{Config, option};
use pgkeep_repo::{Stanza, sets};
use pgkeep_storage::Storage;

use crate::error::{Error, ErrorCode, Result};

/// Refuses `--deep` for a storage that other hosts write to by themselves. No lock and no stop file of this host keeps them off, and
/// two of these runs on two hosts would each draw a key and keep it under the same name.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`].
pub(super) fn elsewhere(config: &Config, key: u32) -> Result<()> {
    match config.string_at(option::REPO_TYPE, key).unwrap_or("posix") {
        "posix" => Ok(()),
        kind => Err(refusal(key, &format!("its repo{key}-type is {kind}"))),
    }
}

/// Refuses `--deep` for a repository on this host that an account on another one adds to.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`]; those of the storage.
pub(super) fn closed(storage: &dyn Storage, key: u32, stanzas: &[Stanza]) -> Result<()> {
    for stanza in stanzas {
        let (_, is_closed) = sets::list_sets_and_closed(storage, stanza)?;
        if is_closed {
            let why = format!("an account that may only add writes to stanza '{stanza}'");
            return Err(refusal(key, &why));
        }
    }
    Ok(())
}

fn refusal(key: u32, why: &str) -> Error {
    Error::new(
        ErrorCode::OptionInvalid,
        format!("repo-rekey --deep cannot be used for repo{key}, as {why}"),
    )
    .with_hint(
        "another host that stores something meanwhile would do so with the old keys, and nobody could read it afterwards.",
    )
    .with_hint(format!(
        "make a new repository with a passphrase of its own, which has new keys: \
         'pgkeep --stanza=NAME --repo={key} --repo-to=NUMBER repo-copy' copies what is stored into it."
    ))
}
