//! The accounts of a machine that a test makes up: nothing in them comes from this machine's user database.
//!
//! This machine may have any account and number already, name services beside its files, rules in PAM for who may log in, and
//! its files may be replaced at any moment: by `useradd`, by a package, by whatever keeps it configured. A mount on one of
//! those files ends when it is replaced, so it is always a whole `/etc` that is put in place of this machine's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::error::{During, Result};

/// Number of the account that sshd gives its rights up to. No package gives out numbers as high, so the account of the
/// server has another one on every machine.
const SSHD_ID: u32 = 64_218;

/// One account more than every system has, with a group of its own.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) group: &'a str,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: &'a str,
    pub(crate) shell: &'a str,
}

/// Writes into `etc` the accounts that every system has, those given, and where to look accounts up: in these files only.
pub(crate) fn write(etc: &Path, more: &[Entry<'_>]) -> Result<()> {
    let mut passwd = format!(
        "root:x:0:0:root:/root:/bin/sh\nsshd:x:{SSHD_ID}:65534::/run/sshd:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    );
    let mut group = "root:x:0:\nnogroup:x:65534:\n".to_owned();
    let mut shadow =
        "root:*:20000:0:99999:7:::\nsshd:!:20000::::::\nnobody:*:20000:0:99999:7:::\n".to_owned();
    let mut gshadow = "root:*::\nnogroup:*::\n".to_owned();
    for entry in more {
        let Entry {
            name,
            group: of,
            uid,
            gid,
            home,
            shell,
        } = entry;
        passwd.push_str(&format!("{name}:x:{uid}:{gid}::{home}:{shell}\n"));
        group.push_str(&format!("{of}:x:{gid}:\n"));
        // No password fits, and the account is not locked: sshd without PAM refuses keys of a locked one.
        shadow.push_str(&format!("{name}:*:20000::::::\n"));
        gshadow.push_str(&format!("{of}:*::\n"));
    }
    for (file, text, mode) in [
        ("passwd", passwd.as_str(), 0o644),
        ("group", &group, 0o644),
        ("shadow", &shadow, 0o640),
        ("gshadow", &gshadow, 0o640),
        ("hosts", "127.0.0.1 localhost\n", 0o644),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\ngshadow: files\nhosts: files dns\n",
            0o644,
        ),
    ] {
        let path = etc.join(file);
        fs::write(&path, text).during(format!("write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            .during(format!("set the mode of {}", path.display()))?;
    }
    Ok(())
}

/// Writes rules for logins that ask the files above and nothing else.
pub(crate) fn write_pam(etc: &Path) -> Result<()> {
    let directory = etc.join("pam.d");
    fs::create_dir(&directory).during("make pam.d")?;
    let rules: String = ["auth", "account", "password", "session"]
        .iter()
        .map(|kind| format!("{kind} required pam_unix.so\n"))
        .collect();
    for service in ["sshd", "other"] {
        fs::write(directory.join(service), &rules).during(format!("write pam.d/{service}"))?;
    }
    Ok(())
}
