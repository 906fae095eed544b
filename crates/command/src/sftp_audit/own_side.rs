//! Our side: the private key and how the server's key is checked.

use pgkeep_storage::sftp::examine::{Examiner, OwnKey, fingerprints_are_strong};
use pgkeep_storage::sftp::{HostKeyCheck, SftpSettings};

use super::check::{KNOWN_HOSTS, PASSPHRASE, PRIVATE_KEY};
use crate::error::Result;
use crate::report::finding::{Finding, Grade};

pub(super) fn examine(server: &Examiner, settings: &SftpSettings) -> Result<Vec<Finding>> {
    let mut findings = match server.own_key()? {
        None => Finding::untested(&[&PRIVATE_KEY, &PASSPHRASE], "an agent holds the key"),
        Some(key) => vec![private_key(&key), passphrase(&key)],
    };
    findings.push(known_hosts(settings));
    Ok(findings)
}

fn private_key(key: &OwnKey) -> Finding {
    let file = key.file.display();
    let about = format!("{} {} bits, mode {:04o}", key.algorithm, key.bits, key.mode);
    if key.mode & 0o007 != 0 {
        return Finding::new(
            &PRIVATE_KEY,
            Grade::Fail,
            format!("'{file}' is open to everybody: {about}"),
        );
    }
    // In a sticky directory files of others cannot be replaced.
    if key.directory_mode & 0o022 != 0 && key.directory_mode & 0o1000 == 0 {
        return Finding::new(
            &PRIVATE_KEY,
            Grade::Fail,
            format!(
                "others may replace '{file}': its directory has mode {:04o}",
                key.directory_mode
            ),
        );
    }
    if key.algorithm == "ssh-dss" || (key.algorithm == "ssh-rsa" && key.bits < 2048) {
        return Finding::new(&PRIVATE_KEY, Grade::Fail, format!("short: {about}"));
    }
    Finding::new(&PRIVATE_KEY, Grade::Ok, about)
}

fn passphrase(key: &OwnKey) -> Finding {
    if key.encrypted {
        Finding::new(&PASSPHRASE, Grade::Ok, "the file is encrypted")
    } else {
        Finding::new(&PASSPHRASE, Grade::Note, "the file is not encrypted")
    }
}

fn known_hosts(settings: &SftpSettings) -> Finding {
    let of = |grade, seen: &str| Finding::new(&KNOWN_HOSTS, grade, seen);
    match settings.host_key_check {
        HostKeyCheck::Strict => of(
            Grade::Ok,
            &format!("strict; '{}' is known", settings.known_name()),
        ),
        HostKeyCheck::AcceptNew => of(
            Grade::Warn,
            "accept-new: known now, but whoever answers first is trusted",
        ),
        HostKeyCheck::Fingerprint if !fingerprints_are_strong(settings) => {
            of(Grade::Warn, "a fingerprint of an old kind (MD5 or SHA-1)")
        }
        HostKeyCheck::Fingerprint => of(Grade::Ok, "SHA-256 fingerprint"),
        HostKeyCheck::None => of(Grade::Fail, "not checked at all"),
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::sftp::HashType;

    use super::*;

    fn key(mode: u32, directory_mode: u32, algorithm: &str, bits: usize) -> Grade {
        private_key(&OwnKey {
            file: "/k".into(),
            mode,
            directory_mode,
            algorithm: algorithm.into(),
            bits,
            encrypted: false,
        })
        .grade
    }

    #[test]
    fn a_key_that_others_can_read_replace_or_compute_fails() {
        assert_eq!(key(0o600, 0o700, "ssh-ed25519", 256), Grade::Ok);
        assert_eq!(key(0o640, 0o755, "ssh-rsa", 3072), Grade::Ok);
        assert_eq!(key(0o604, 0o700, "ssh-ed25519", 256), Grade::Fail);
        assert_eq!(key(0o600, 0o777, "ssh-ed25519", 256), Grade::Fail);
        assert_eq!(key(0o600, 0o1777, "ssh-ed25519", 256), Grade::Ok);
        assert_eq!(key(0o600, 0o700, "ssh-rsa", 1024), Grade::Fail);
    }

    #[test]
    fn the_check_of_the_host_key_is_graded() {
        let mut settings = SftpSettings::new("h", "u", "/r");
        assert_eq!(known_hosts(&settings).grade, Grade::Ok);
        settings.host_key_check = HostKeyCheck::None;
        assert_eq!(known_hosts(&settings).grade, Grade::Fail);
        settings.host_key_check = HostKeyCheck::Fingerprint;
        settings.fingerprints = vec!["00".repeat(16)];
        settings.hash_type = Some(HashType::Md5);
        assert_eq!(known_hosts(&settings).grade, Grade::Warn);
        // The hash that a fingerprint names counts, not the one that is configured beside it.
        settings.hash_type = Some(HashType::Sha256);
        settings.fingerprints = vec![format!("MD5:{}", ["00"; 16].join(":"))];
        assert_eq!(known_hosts(&settings).grade, Grade::Warn);
        settings.fingerprints = vec!["00".repeat(32)];
        assert_eq!(known_hosts(&settings).grade, Grade::Ok);
        settings.pins = vec!["00".repeat(20)];
        assert_eq!(known_hosts(&settings).grade, Grade::Warn);
    }
}
