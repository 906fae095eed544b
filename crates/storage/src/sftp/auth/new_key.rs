//! Makes the key that logs in: Ed25519, in OpenSSH's form, for its owner only.
//!
//! Invariant: a file that exists is never written over. A new file appears whole or not at all, so a run that dies leaves
//! either no key or one that works.
#![allow(clippy::disallowed_methods)] // the only place that writes a private key

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{Cipher, Kdf, LineEnding, PrivateKey, PublicKey};

use super::key_file;
use super::public_key::bare;
use crate::sftp::settings::SftpSettings;
use crate::temporary::temp_name;
use crate::{Error, ErrorKind, Operation, Result};

/// OpenSSH's own number of rounds for keys with a passphrase.
const ROUNDS: u32 = 24;

/// A key pair on this host.
#[derive(Debug, Clone)]
pub struct KeyPair {
    pub private_file: PathBuf,
    pub public_file: PathBuf,
    /// `ssh-ed25519 AAAA…`, without comment.
    pub public: String,
    pub fingerprint: String,
    /// Whether this call made it; otherwise it was there.
    pub made: bool,
}

/// Takes the key at `file`, or makes one if there is none. The public key is beside it, with `.pub`.
///
/// # Errors
/// A key that is there and cannot be used; a public key file of another key; files that cannot be written.
pub(crate) fn make_or_take(settings: &SftpSettings, file: &Path, comment: &str) -> Result<KeyPair> {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    let public_file = PathBuf::from(name);
    let exists = |path: &Path| {
        path.symlink_metadata().map_or_else(
            |error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(false),
                _ => Err(io(Operation::Info, path)(error)),
            },
            |_| Ok(true),
        )
    };
    let made = !exists(file)?;
    let key = if made {
        if exists(&public_file)? {
            return Err(Error::new(
                ErrorKind::Exists,
                Operation::OpenWrite,
                public_file.display().to_string(),
                "there is a public key without its private key",
            )
            .with_hint(
                "name another file with repo-sftp-private-key-file, or move this one away",
            ));
        }
        make(file, settings.private_key_passphrase.as_ref(), comment)?
    } else {
        key_file::load(settings, file)?.public_key().clone()
    };
    let public = bare(&key).map_err(|why| broken(file, &why))?;
    if exists(&public_file)? {
        must_belong(&public_file, &key)?;
    } else {
        appear(
            &public_file,
            format!("{public} {comment}\n").as_bytes(),
            0o644,
        )?;
    }
    Ok(KeyPair {
        private_file: file.to_owned(),
        public_file,
        public,
        fingerprint: key.fingerprint(ssh_key::HashAlg::Sha256).to_string(),
        made,
    })
}

fn make(file: &Path, passphrase: Option<&SecretString>, comment: &str) -> Result<PublicKey> {
    let why = |error: ssh_key::Error| broken(file, &error.to_string());
    let mut seed = [0; 32];
    random(file, &mut seed)?;
    let pair = Ed25519Keypair::from_seed(&seed);
    let mut key = PrivateKey::new(KeypairData::Ed25519(pair), comment).map_err(why)?;
    let public = key.public_key().clone();
    if let Some(passphrase) = passphrase {
        let mut salt = vec![0; 16];
        random(file, &mut salt)?;
        let mut check = [0; 4];
        random(file, &mut check)?;
        key = key
            .encrypt_with(
                Cipher::Aes256Ctr,
                Kdf::Bcrypt {
                    salt,
                    rounds: ROUNDS,
                },
                u32::from_ne_bytes(check),
                passphrase.expose_secret(),
            )
            .map_err(why)?;
    }
    if let Some(parent) = file.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(io(Operation::CreatePath, parent))?;
    }
    let text = key.to_openssh(LineEnding::LF).map_err(why)?;
    appear(file, text.as_bytes(), 0o600)?;
    Ok(public)
}

/// Writes beside and links: a link does not replace, and what is linked is complete and on the disk.
fn appear(file: &Path, content: &[u8], mode: u32) -> Result<()> {
    let name = temp_name(file.as_os_str().as_bytes());
    let beside = PathBuf::from(OsStr::from_bytes(&name));
    let written = (|| {
        let mut open = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&beside)?;
        open.write_all(content)?;
        open.sync_all()?;
        std::fs::hard_link(&beside, file)
    })();
    let removed = std::fs::remove_file(&beside);
    written.map_err(io(Operation::OpenWrite, file))?;
    removed.map_err(io(Operation::Remove, &beside))?;
    if let Some(parent) = file.parent() {
        std::fs::File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(io(Operation::SyncPath, parent))?;
    }
    Ok(())
}

fn must_belong(public_file: &Path, key: &PublicKey) -> Result<()> {
    let text =
        std::fs::read_to_string(public_file).map_err(io(Operation::OpenRead, public_file))?;
    match PublicKey::from_openssh(text.trim()) {
        Ok(found) if found.key_data() == key.key_data() => Ok(()),
        Ok(_) => Err(broken(public_file, "it belongs to another private key")),
        Err(error) => Err(broken(
            public_file,
            &format!("it is not understood: {error}"),
        )),
    }
    .map_err(|error| error.with_hint("move it away; it is written anew from the private key"))
}

fn random(file: &Path, bytes: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| broken(file, "no random numbers"))
}

fn io(operation: Operation, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::from_io(operation, path.display().to_string(), &error)
}

fn broken(file: &Path, why: &str) -> Error {
    Error::new(
        ErrorKind::Broken,
        Operation::OpenWrite,
        file.display().to_string(),
        why,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    fn settings() -> SftpSettings {
        SftpSettings::new("h", "u", "/r")
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// What OpenSSH reads out of the private key.
    fn openssh_says(file: &Path, passphrase: &str) -> String {
        let said = Command::new("ssh-keygen")
            .args(["-y", "-P", passphrase, "-f"])
            .arg(file)
            .output()
            .unwrap();
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    #[test]
    fn a_new_key_is_for_its_owner_only_and_openssh_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".ssh/id");
        let made = make_or_take(&settings(), &file, "pg@db").unwrap();
        assert!(made.made);
        assert_eq!((mode(&file), mode(&made.public_file)), (0o600, 0o644));
        assert_eq!(mode(file.parent().unwrap()), 0o700);
        assert_eq!(openssh_says(&file, ""), format!("{} pg@db", made.public));
        assert_eq!(
            std::fs::read_dir(file.parent().unwrap()).unwrap().count(),
            2
        );
    }

    #[test]
    fn a_passphrase_encrypts_the_key_for_openssh_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("id");
        let mut settings = settings();
        settings.private_key_passphrase = Some("right horse".into());
        let made = make_or_take(&settings, &file, "c").unwrap();
        assert_eq!(openssh_says(&file, "wrong"), "");
        assert_eq!(
            openssh_says(&file, "right horse"),
            format!("{} c", made.public)
        );
        assert_eq!(
            make_or_take(&settings, &file, "c").unwrap().public,
            made.public
        );
        settings.private_key_passphrase = None;
        let error = make_or_take(&settings, &file, "c").unwrap_err();
        assert!(error.to_string().contains("is encrypted"), "{error}");
    }

    #[test]
    fn a_key_that_is_there_is_taken_as_it_is_and_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("id");
        let first = make_or_take(&settings(), &file, "c").unwrap();
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&first.public_file).unwrap();
        let again = make_or_take(&settings(), &file, "other").unwrap();
        assert!(!again.made && again.public == first.public);
        assert_eq!(std::fs::read(&file).unwrap(), bytes);

        let other = make_or_take(&settings(), &dir.path().join("other"), "c").unwrap();
        std::fs::copy(&other.public_file, &first.public_file).unwrap();
        let error = make_or_take(&settings(), &file, "c").unwrap_err();
        assert!(error.to_string().contains("another private key"), "{error}");
        std::fs::remove_file(&file).unwrap();
        let error = make_or_take(&settings(), &file, "c").unwrap_err();
        assert!(
            error.to_string().contains("without its private key"),
            "{error}"
        );
        std::fs::write(&file, "no key").unwrap();
        assert!(make_or_take(&settings(), &file, "c").is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"no key");
    }
}
