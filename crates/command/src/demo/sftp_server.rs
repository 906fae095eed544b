//! A throw-away SSH server on a loopback port that allows SFTP and nothing else: where off-site backups go.
//!
//! Run by root it is the usual set-up: a system user in a chroot, who exists only in a mount namespace of the server's own.
//! That has an /etc of its own with invented accounts. The machine's user database is neither read nor changed, and may change
//! meanwhile. Otherwise the server runs as the user of the demonstration, who is also the login.
#![allow(clippy::disallowed_methods)] // keys and configuration of a scratch server are written directly

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::binaries::SshServer;
use super::shell;
use super::workplace::{Workplace, wait_until_gone};
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Name, uid and gid of the account in the chroot; the id is above what distributions give out.
const ACCOUNT: &str = "offsite";
const ACCOUNT_ID: u32 = 64_217;
/// Where the chroot is in the server's namespace: in a /run of its own, since sshd refuses a chroot below a world-writable
/// directory.
const CHROOT_AT: &str = "/run/sftp";
/// Number of the account that sshd gives its rights up to: another than the login's.
const SSHD_ID: u32 = 64_218;
/// Makes the server's namespace. Parameters: its directory, the chroot, sshd. What sshd reads of /etc besides accounts is
/// copied from this machine. A whole directory is put over /etc: a mount on a single file ends when somebody replaces the
/// file, as `useradd` and every package installation do.
const INIT: &str = r#"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 755 /run/sshd "$2" /run/etc /run/etc/ssh
for one in passwd group shadow nsswitch.conf; do cp "$1/$one" /run/etc/$one; done
chmod 600 /run/etc/shadow
for one in ld.so.cache localtime selinux ssh/moduli; do
    if [ -e /etc/$one ]; then cp -RL /etc/$one /run/etc/$one; fi
done
cp "$1/key.pub" /run/keys
chmod 644 /run/keys
mount --bind "$1/chroot" "$2"
mount --bind /run/etc /etc
exec "$3" -D -e -f "$1/sshd_config"
"#;
/// Longest wait for the server to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; ended when dropped.
#[derive(Debug)]
pub(super) struct SftpServer {
    child: Child,
    home: PathBuf,
    port: u16,
    chrooted: bool,
    user: String,
}

impl SftpServer {
    /// Starts one: chrooted as root if that can be had, else as the account.
    pub(super) fn start(
        context: &Context,
        place: &Workplace,
        programs: &SshServer,
    ) -> Result<Self> {
        if place.account().switch {
            match Self::launch(context, place, programs, true) {
                Ok(server) => return Ok(server),
                // A container may allow no mount namespace.
                Err(error) => log::debug!("no chrooted server: {error}"),
            }
        }
        Self::launch(context, place, programs, false)
    }

    fn launch(
        context: &Context,
        place: &Workplace,
        programs: &SshServer,
        chrooted: bool,
    ) -> Result<Self> {
        let home = place.root().join("offsite");
        if home.exists() {
            fs::remove_dir_all(&home).map_err(|error| failed("remove", &home, &error))?;
        }
        place.directory("offsite")?;
        for name in ["host_key", "key"] {
            let mut command = shell::command(place.account(), place.root(), &programs.keygen);
            command
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "pgkeep demo", "-f"])
                .arg(home.join(name));
            shell::run(command)?;
        }
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|error| failed("find a port for", &home, &error))?
            .port();
        let key = read(&home.join("host_key.pub"))?;
        let words: Vec<&str> = key.split_whitespace().take(2).collect();
        write(
            &home.join("known_hosts"),
            &format!("[127.0.0.1]:{port} {}\n", words.join(" ")),
        )?;
        let user = if chrooted {
            make_chroot(&home)?;
            ACCOUNT.to_owned()
        } else {
            place.directory("offsite/files")?;
            place.account().name.clone()
        };
        write(
            &home.join("sshd_config"),
            &configuration(&home, port, &user, chrooted),
        )?;
        let log = fs::File::create(home.join("sshd.log"))
            .map_err(|error| failed("write", &home, &error))?;
        let mut command = if chrooted {
            in_namespace(&home, &programs.sshd)
        } else {
            let mut command = shell::command(place.account(), place.root(), &programs.sshd);
            command
                .args(["-D", "-e", "-f"])
                .arg(home.join("sshd_config"));
            command
        };
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| failed("execute", &programs.sshd, &error))?;
        let mut server = Self {
            child,
            home,
            port,
            chrooted,
            user,
        };
        server.wait_until_it_answers(context)?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self, context: &Context) -> Result<()> {
        let began = Instant::now();
        loop {
            context.cancel.check()?;
            let ended = self.child.try_wait().ok().flatten().is_some();
            if !ended && TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            if ended || began.elapsed() > PATIENCE {
                let log = read(&self.home.join("sshd.log")).unwrap_or_default();
                return Err(Error::new(
                    ErrorCode::Execute,
                    format!("the SSH server did not start:\n{}", log.trim_end()),
                ));
            }
            context.clock.sleep(Duration::from_millis(20));
        }
    }

    /// Ends it and waits until its sessions have ended too. They may need a moment for it after the listener is gone; those in a
    /// chroot are known by their mount namespace, which nobody else is in.
    pub(super) fn end(self, context: &Context) {
        let namespace = |process: &Path| fs::read_link(process.join("ns/mnt")).ok();
        let own = namespace(Path::new(&format!("/proc/{}", self.child.id())));
        let chrooted = self.chrooted;
        drop(self);
        if chrooted && own.is_some() {
            wait_until_gone(context, |process| namespace(process) == own);
        }
    }

    /// Lines of section `[global]` for repository 2.
    pub(super) fn options(&self) -> String {
        let home = self.home.display();
        let path = if self.chrooted {
            "/backup".to_owned()
        } else {
            format!("{home}/files")
        };
        format!(
            "repo2-type=sftp\nrepo2-path={path}\nrepo2-sftp-host=127.0.0.1\nrepo2-sftp-host-port={}\nrepo2-sftp-host-user={}\n\
             repo2-sftp-host-key-hash-type=sha256\nrepo2-sftp-private-key-file={home}/key\nrepo2-sftp-known-host={home}/known_hosts\n",
            self.port, self.user
        )
    }

    /// What it is, for people.
    pub(super) fn description(&self) -> String {
        let how = if self.chrooted {
            "an account that can do SFTP and nothing else, in a chroot"
        } else {
            "SFTP only"
        };
        format!("{}@127.0.0.1:{}, {how}", self.user, self.port)
    }

    /// Where its files are, as this process sees them.
    pub(super) fn files(&self) -> PathBuf {
        self.home.join(if self.chrooted {
            "chroot/backup"
        } else {
            "files"
        })
    }
}

impl Drop for SftpServer {
    fn drop(&mut self) {
        // The listener and its sessions are in the group. An error means that it has ended already.
        let group = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn configuration(home: &Path, port: u16, user: &str, chrooted: bool) -> String {
    let (home_text, keys) = (
        home.display(),
        if chrooted {
            "/run/keys".to_owned()
        } else {
            home.join("key.pub").display().to_string()
        },
    );
    let chroot = if chrooted {
        format!("ChrootDirectory {CHROOT_AT}\n")
    } else {
        String::new()
    };
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {home_text}/host_key\nPidFile none\nAuthorizedKeysFile {keys}\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM no\nUseDNS no\nAllowUsers {user}\n\
         AllowTcpForwarding no\nX11Forwarding no\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\n{chroot}"
    )
}

/// The chroot, and a user database with the login, root and the account that sshd gives its rights up to.
fn make_chroot(home: &Path) -> Result<()> {
    let files = home.join("chroot/backup");
    fs::create_dir_all(&files).map_err(|error| failed("create path", &files, &error))?;
    fs::set_permissions(home.join("chroot"), fs::Permissions::from_mode(0o755))
        .map_err(|error| failed("set mode of", home, &error))?;
    chown(&files, Some(ACCOUNT_ID), Some(ACCOUNT_ID))
        .map_err(|error| failed("set owner of", &files, &error))?;
    for (file, text) in [
        (
            "passwd",
            format!(
                "root:x:0:0::/root:/bin/sh\nsshd:x:{SSHD_ID}:{SSHD_ID}::/:/usr/sbin/nologin\n\
                 {ACCOUNT}:x:{ACCOUNT_ID}:{ACCOUNT_ID}::/backup:/usr/sbin/nologin\n"
            ),
        ),
        (
            "group",
            format!("root:x:0:\nsshd:x:{SSHD_ID}:\n{ACCOUNT}:x:{ACCOUNT_ID}:\n"),
        ),
        // `*`: no password fits; `!` would be a locked account, which sshd refuses.
        (
            "shadow",
            format!("root:*:20000::::::\nsshd:!:20000::::::\n{ACCOUNT}:*:20000::::::\n"),
        ),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\nhosts: files\n".to_owned(),
        ),
    ] {
        write(&home.join(file), &text)?;
    }
    Ok(())
}

/// sshd in a mount namespace of its own, in which the account exists and the chroot is where sshd accepts it.
fn in_namespace(home: &Path, sshd: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-ec",
            INIT,
            "sh",
        ])
        .arg(home)
        .arg(CHROOT_AT)
        .arg(sshd);
    command
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| failed("read", path, &error))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| failed("write", path, &error))
}

fn failed(verb: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorCode::FileOpen,
        format!("unable to {verb} '{}': {error}", path.display()),
    )
}
