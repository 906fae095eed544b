//! The account of a server, its /etc and its files, plain or in a chroot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::accounts::{self, Entry};
use crate::error::{During, Result};
use crate::run::run;
use crate::scratch::Scratch;

/// Uid and gid of the chrooted account, above what Debian gives out.
const CHROOTED_ID: u32 = 64_217;
/// Where the chroot is in the server's namespace: in a /run of its own, which has the owners that sshd asks for.
pub(super) const CHROOT_AT: &str = "/run/sftp";
/// The second account with the number of the first.
pub(super) const KEEPER: &str = "sftpkeeper";
/// Of this machine's /etc, what sshd reads besides accounts.
const COPIED: &[&str] = &["ld.so.cache", "localtime", "ssh/moduli"];

/// How a server runs, and where its files are.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) program: PathBuf,
    /// What is in the place of /etc in its namespace, if it has one.
    pub(super) etc: Option<PathBuf>,
    pub(super) user: String,
    /// Where the client's files land, as this process sees it.
    pub(super) files: PathBuf,
    /// The same place as the client names it.
    pub(super) remote: String,
    pub(super) chrooted: bool,
}

pub(super) fn plain_layout(scratch: &Scratch, program: PathBuf) -> Result<Layout> {
    let files = scratch.make_dir("files")?;
    let remote = files.display().to_string();
    let account = scratch.account();
    // Commands of a login run in its shell, and this machine's account may have none.
    let possible = account.switches()
        && run(Command::new("unshare").args(["--mount", "--propagation", "private", "true"]))?.code
            == 0;
    let entry = Entry {
        name: account.name(),
        group: account.name(),
        uid: account.uid(),
        gid: account.gid(),
        home: &account.home().to_string_lossy(),
        shell: "/bin/sh",
    };
    Ok(Layout {
        program,
        etc: if possible {
            Some(make_etc(scratch, &[entry])?)
        } else {
            None
        },
        user: account.name().to_owned(),
        files,
        remote,
        chrooted: false,
    })
}

/// An /etc of the server's own, with these accounts more than every system has.
fn make_etc(scratch: &Scratch, entries: &[Entry<'_>]) -> Result<PathBuf> {
    let etc = scratch.join("etc");
    fs::create_dir_all(etc.join("ssh")).during("make the server's /etc")?;
    for name in COPIED {
        let own = Path::new("/etc").join(name);
        if own.exists() {
            fs::copy(&own, etc.join(name)).during(format!("copy {}", own.display()))?;
        }
    }
    accounts::write(&etc, entries)?;
    Ok(etc)
}

pub(super) fn chrooted_layout(
    scratch: &Scratch,
    program: PathBuf,
    shell: bool,
    keeper: bool,
) -> Result<Layout> {
    let chroot = scratch.join("chroot");
    let files = chroot.join("backup");
    fs::create_dir_all(&files).during("make the chroot")?;
    std::os::unix::fs::chown(&files, Some(CHROOTED_ID), Some(CHROOTED_ID))
        .during("give the chroot's directory away")?;
    let shell = if shell {
        shell_into(&chroot)?;
        "/bin/sh"
    } else {
        "/usr/sbin/nologin"
    };
    let entry = |name, group| Entry {
        name,
        group,
        uid: CHROOTED_ID,
        gid: CHROOTED_ID,
        home: "/backup",
        shell,
    };
    let mut entries = vec![entry("sftpuser", "sftpusers")];
    if keeper {
        entries.push(entry(KEEPER, KEEPER));
    }
    let etc = make_etc(scratch, &entries)?;
    Ok(Layout {
        program,
        etc: Some(etc),
        user: "sftpuser".into(),
        files,
        remote: "/backup".into(),
        chrooted: true,
    })
}

/// Copies the shell and the libraries it names into the chroot.
fn shell_into(chroot: &Path) -> Result<()> {
    let listed = run(Command::new("ldd").arg("/bin/sh"))?.success()?.stdout;
    let libraries = listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for file in ["/bin/sh"].into_iter().chain(libraries) {
        let copy = chroot.join(file.trim_start_matches('/'));
        let directory = copy.parent().unwrap_or(chroot);
        fs::create_dir_all(directory).during("make the shell's directory")?;
        fs::copy(file, copy).during(format!("copy {file}"))?;
    }
    Ok(())
}
