//! A machine to be set up and thrown away: its own /etc, /var, /srv, accounts and processes, with this machine's programs.
//!
//! Programs and libraries are this system's, bound read-only; everything that can be changed lies in a scratch directory and
//! goes with it. Mount and process namespaces keep accounts, signals and mounts inside; the network is shared, so a server
//! in there is reached at a loopback port. Needs root.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::compare::{Ignore, Snapshot};
use crate::error::{During, Error, Result};
use crate::installed;
use crate::run::{Outcome, run};
use crate::scratch::Scratch;

/// Of this machine's /etc, what programs need and no account is in.
const COPIED: &[&str] = &[
    "alternatives",
    "default",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "login.defs",
    "nsswitch.conf",
    "pam.d",
    "security",
    "ssh/moduli",
];

/// Directories of programs: seen, not changed. What is a link here is a link there.
const PROGRAMS: &[&str] = &["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Makes the mounts and stays as process 1 of the new namespace. Parameters: root, directories to bind read-only.
const INIT: &str = r#"
set -eu
root=$1; shift
for one in "$@"; do mount --bind "$one" "$root$one"; mount -o remount,bind,ro "$root$one"; done
for one in null zero random urandom tty; do mount --bind /dev/$one "$root/dev/$one"; done
mount --bind "$root/usr-local-sbin" "$root/usr/local/sbin"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -m 755 "$root/run/sshd"
exec chroot "$root" sleep infinity
"#;

/// A running machine; ended with all its processes when dropped.
#[derive(Debug)]
pub struct ThrowAwayRoot {
    inside: Child,
    process: u32,
    address: SocketAddr,
    scratch: Scratch,
}

impl ThrowAwayRoot {
    /// A machine with this system's OpenSSH, or the newest one there is. Its server is configured and not started.
    pub fn new(newest: bool) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err(Error::Missing(
                "a throw-away root can be made by root only".into(),
            ));
        }
        if !Path::new("/usr/sbin/sshd").exists() {
            return Err(Error::missing("sshd"));
        }
        let scratch = Scratch::new()?;
        let root = scratch.join("root");
        let address = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .during("find a free port")?;
        let mut bound: Vec<PathBuf> = Vec::new();
        make_dir(&root, 0o755)?;
        for name in [
            "dev",
            "etc",
            "home",
            "proc",
            "root",
            "run",
            "srv",
            "usr-local-sbin",
            "var",
            "etc/ssh",
            "etc/ssh/sshd_config.d",
        ] {
            make_dir(&root.join(name), 0o755)?;
        }
        make_dir(&root.join("tmp"), 0o1777)?;
        for name in ["null", "zero", "random", "urandom", "tty"] {
            write(&root.join("dev").join(name), "", 0o644)?;
        }
        for name in PROGRAMS {
            let own = Path::new("/").join(name);
            if let Ok(target) = fs::read_link(&own) {
                std::os::unix::fs::symlink(target, root.join(name)).during("make a link")?;
            } else if own.is_dir() {
                make_dir(&root.join(name), 0o755)?;
                bound.push(own);
            }
        }
        for name in COPIED {
            let own = Path::new("/etc").join(name);
            if own.exists() {
                run(Command::new("cp")
                    .arg("-a")
                    .arg(&own)
                    .arg(root.join("etc").join(name)))?
                .success()?;
            }
        }
        accounts(&root)?;
        run(Command::new("ssh-keygen").args(["-A", "-f"]).arg(&root))?.success()?;
        let mut more = String::new();
        if newest {
            let home = installed::newest_openssh()?;
            make_dir_all(&root.join(home.strip_prefix("/").unwrap_or(&home)))?;
            std::os::unix::fs::symlink(home.join("sbin/sshd"), root.join("usr-local-sbin/sshd"))
                .during("make a link")?;
            let lib = home.join("lib");
            more = format!(
                "SshdSessionPath {0}/sshd-session\nSshdAuthPath {0}/sshd-auth\nUsePAM no\n",
                lib.display()
            );
            bound.push(home);
        } else {
            more.push_str("UsePAM yes\n");
        }
        // The rest is what Debian ships.
        write(
            &root.join("etc/ssh/sshd_config"),
            &format!(
                "Include /etc/ssh/sshd_config.d/*.conf\nPort {}\nListenAddress 127.0.0.1\nKbdInteractiveAuthentication no\n{more}X11Forwarding yes\n\
                 PrintMotd no\nAcceptEnv LANG LC_*\nSubsystem sftp /usr/lib/openssh/sftp-server\n",
                address.port()
            ),
            0o644,
        )?;
        let (inside, process) = begin(&root, &bound)?;
        Ok(Self {
            inside,
            process,
            address,
            scratch,
        })
    }

    /// Where its SSH server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A path of the machine as this process sees it (programs and /run are not there).
    pub fn path(&self, inside: &str) -> PathBuf {
        self.scratch
            .join("root")
            .join(inside.trim_start_matches('/'))
    }

    /// A directory for other files of the test.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// A command that runs as root on that machine, with a clean environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.process))
            .args(["--mount", "--pid", "--root", "--wd", "--", program])
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a line of shell there.
    pub fn shell(&self, line: &str) -> Result<Outcome> {
        run(self.command("sh").args(["-ec", line]))
    }

    /// Starts its SSH server and waits until it answers.
    pub fn start_sshd(&self) -> Result<()> {
        self.shell("exec \"$(command -v sshd)\" -E /var/sshd.log")?
            .success()?;
        self.wait_for_sshd()
    }

    /// Waits until the server takes connections (again).
    pub fn wait_for_sshd(&self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(Error::Failed(format!(
            "sshd does not answer:\n{}",
            self.sshd_log()
        )))
    }

    /// What the server logged.
    pub fn sshd_log(&self) -> String {
        fs::read_to_string(self.path("/var/sshd.log")).unwrap_or_default()
    }

    /// The server's own word on one of its host keys: `SHA256:…` as its owner would read it out.
    pub fn fingerprint(&self) -> Result<String> {
        let said = self
            .shell("ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub")?
            .success()?
            .stdout;
        Ok(said
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned())
    }

    /// Every file of the machine, but for logs and for the copies and locks that `useradd` and its like leave.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut ignore = Ignore::nothing();
        for path in [
            "var/sshd.log",
            "etc/passwd-",
            "etc/group-",
            "etc/shadow-",
            "etc/gshadow-",
            "etc/.pwd.lock",
        ] {
            ignore = ignore.path(path);
        }
        Snapshot::of(&self.scratch.join("root"), &ignore)
    }
}

impl Drop for ThrowAwayRoot {
    fn drop(&mut self) {
        // Process 1 takes all others of its namespace with it, and the mounts go with the last of them.
        let first = i32::try_from(self.process)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(first) = first {
            let _ = rustix::process::kill_process(first, rustix::process::Signal::KILL);
        }
        let _ = self.inside.wait();
    }
}

/// Starts process 1; its number out here is that of the only child of `unshare`.
fn begin(root: &Path, bound: &[PathBuf]) -> Result<(Child, u32)> {
    let mut inside = Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            INIT,
            "sh",
        ])
        .arg(root)
        .args(bound)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .during("start unshare")?;
    let children = format!("/proc/{0}/task/{0}/children", inside.id());
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        if inside.try_wait().during("watch unshare")?.is_some() {
            let mut why = String::new();
            if let Some(mut said) = inside.stderr.take() {
                let _ = std::io::Read::read_to_string(&mut said, &mut why);
            }
            return Err(if why.starts_with("unshare: ") {
                Error::Missing(format!("this machine allows no namespaces: {}", why.trim()))
            } else {
                Error::Failed(format!("the throw-away root did not come up:\n{why}"))
            });
        }
        let child = fs::read_to_string(&children).unwrap_or_default();
        if let Ok(process) = child.trim().parse::<u32>() {
            // Its root is the new one as soon as all mounts are made.
            let at = fs::read_link(format!("/proc/{process}/root")).unwrap_or_default();
            if at != Path::new("/") && at != Path::new("") {
                return Ok((inside, process));
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = inside.kill();
    let _ = inside.wait();
    Err(Error::failed("the throw-away root did not come up in time"))
}

/// A user database with what every system has, and the account that sshd gives its rights up to.
fn accounts(root: &Path) -> Result<()> {
    let etc = root.join("etc");
    for (file, text, mode) in [
        (
            "passwd",
            "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
            0o644,
        ),
        ("group", "root:x:0:\nnogroup:x:65534:\n", 0o644),
        (
            "shadow",
            "root:*:20000:0:99999:7:::\nsshd:!:20000::::::\nnobody:*:20000:0:99999:7:::\n",
            0o640,
        ),
        ("gshadow", "root:*::\nnogroup:*::\n", 0o640),
        ("hosts", "127.0.0.1 localhost\n", 0o644),
    ] {
        write(&etc.join(file), text, mode)?;
    }
    Ok(())
}

fn make_dir(path: &Path, mode: u32) -> Result<()> {
    fs::create_dir(path).during(format!("make {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).during("set its mode")
}

fn make_dir_all(path: &Path) -> Result<()> {
    fs::create_dir_all(path).during(format!("make {}", path.display()))
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).during(format!("write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).during("set its mode")
}
