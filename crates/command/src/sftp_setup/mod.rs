//! `sftp-setup`: prepares a repository on an SFTP host, from nothing.
//!
//! A key of ours, a script that makes an account for it on the server, the server's own keys confirmed by somebody, and the
//! lines for the configuration. The account need not be there yet, and no login is tried. Invariant: the script comes before
//! the server is asked, so that it is there even if the server cannot be reached or its keys are not confirmed yet.

mod host;
mod keeper;
mod lines;
mod script;
mod settings;

use std::path::Path;

use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::sftp::setup::{self, GivenKey, Standing};
use pgkeep_storage::{Storage, StoragePath, WriteOptions};

use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use script::Script;
use settings::Settings;

/// Makes the key, prints the script, learns the host keys, prints the lines for the configuration.
///
/// # Errors
/// Values that must not reach another machine's configuration; a key file that cannot be used; a server that cannot be
/// reached, or is not the one that was meant; nobody to confirm its keys.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    let comment = format!("{}@{}", context.user.name, host_name());
    // Refused before anything is made: the script is rendered with an empty key first.
    script_text(&settings, "", &comment)?;

    let pair = setup::key_pair(&settings.storage, &settings.private_key_file, &comment)?;
    if keeper_key(&settings).is_some_and(|key| key.public == pair.public) {
        return Err(Error::new(
            ErrorCode::OptionInvalidValue,
            "the key of 'sftp-keeper-key' option is the one of this host",
        )
        .with_hint("make a key of its own on the host that keeps the repository, and bring its public key here."));
    }
    let mut said = format!(
        "{} {} ({})\n",
        if pair.made { "made key" } else { "key" },
        pair.private_file.display(),
        pair.fingerprint
    );
    if let Some(key) = keeper_key(&settings) {
        said.push_str(&format!(
            "key of the second account ({})\n",
            key.fingerprint
        ));
    }
    let text = script_text(&settings, &pair.public, &comment)?;
    match &settings.script {
        Some(file) => {
            write_script(file, &text)?;
            said.push_str(&format!(
                "script {}: read it, then run it as root on {}\n",
                file.display(),
                settings.storage.host
            ));
        }
        None => context.output.text(&text)?,
    }
    tell(context, &settings, &said)?;

    let keys = host::learn(&settings)?;
    let new = host::confirmed(&settings, &keys, &*context.prompt)?;
    let mut said = format!(
        "host keys of {}:\n{}\n",
        settings.storage.known_name(),
        host::table(&keys)
    );
    if !new.is_empty() {
        let file = setup::trust(&settings.storage, &new)?;
        let which: Vec<&str> = new.iter().map(|key| key.kind.as_str()).collect();
        said.push_str(&format!(
            "added to {}: {}\n",
            file.display(),
            which.join(", ")
        ));
    }
    said.push_str("lines for the configuration:\n\n");
    said.push_str(&lines::configuration(&settings));
    if let Some(keeper) = &settings.keeper {
        // Whoever was confirmed now or before.
        let sure = keys
            .iter()
            .filter(|key| matches!(key.standing, Standing::Known(_)))
            .chain(new);
        let pins: Vec<&str> = sure.map(|key| key.fingerprint.as_str()).collect();
        said.push_str("\nlines for the configuration of the host that keeps the repository, which is never this one:\n\n");
        said.push_str(&lines::of_keeper(&settings, keeper, &pins));
    }
    tell(context, &settings, &said)
}

fn keeper_key(settings: &Settings) -> Option<&GivenKey> {
    settings.keeper.as_ref()?.key.as_ref()
}

fn script_text(settings: &Settings, key: &str, comment: &str) -> Result<String> {
    Script {
        settings,
        key,
        comment,
    }
    .render()
}

/// Prints; behind a script that was printed, everything is a comment of it.
fn tell(context: &Context, settings: &Settings, text: &str) -> Result<()> {
    if settings.script.is_some() {
        return context.output.text(text);
    }
    for line in text.lines() {
        context.output.text(&format!("# {line}\n"))?;
    }
    Ok(())
}

fn write_script(file: &Path, text: &str) -> Result<()> {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name().and_then(|n| n.to_str()))
    else {
        return Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!(
                "'{}' is not a file for 'sftp-script' option",
                file.display()
            ),
        ));
    };
    let storage = PosixStorage::at(directory);
    let mut write = storage.open_write(
        &StoragePath::new(name),
        &WriteOptions {
            file_mode: 0o644,
            ..WriteOptions::default()
        },
    )?;
    std::io::Write::write_all(&mut write, text.as_bytes())?;
    write.finish()?.wait()?;
    Ok(())
}

/// Only for the comment of the key.
fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
