//! A machine to be set up and thrown away: its own /etc, /var, /srv, accounts and processes, with this machine's programs.
//!
//! Programs and libraries are this system's, bound read-only; everything that can be changed lies in a scratch directory and
//! goes with it. Mount and process namespaces keep accounts, signals and mounts inside. The network is this machine's, so a
//! server in there is reached at a loopback port; or one of its own, which several such machines share. Needs root.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::accounts;
use crate::compare::{Ignore, Snapshot};
use crate::error::{During, Error, Result};
use crate::installed;
use crate::run::{Outcome, run};
use crate::scratch::Scratch;

/// Of this machine's /etc, what programs need and neither accounts nor rules for logins are in.
const COPIED: &[&str] = &[
    "alternatives",
    "default",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "login.defs",
    "ssh/moduli",
];

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// What sshd logs when it is told to reload, and when it takes connections.
const RELOADED: &str = "Received SIGHUP; restarting.";
const LISTENS: &str = "Server listening on";
/// Directories of programs: seen, not changed. What is a link here is a link there.
const PROGRAMS: &[&str] = &["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Makes the mounts and stays as process 1 of the new namespace. Parameters: root, directories to bind read-only.
const INIT: &str = r#"
set -eu
root=$1; shift
# A root that is a mount, as on every machine: `unshare --mount` in there asks for it.
mount --bind "$root" "$root"
cd "$root"
for one in "$@"; do mount --bind "$one" "$root$one"; mount -o remount,bind,ro "$root$one"; done
for one in null zero random urandom tty; do mount --bind /dev/$one "$root/dev/$one"; done
for one in bin sbin; do mount --bind "$root/usr-local-$one" "$root/usr/local/$one"; done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -m 755 "$root/run/sshd"
exec chroot "$root" sleep infinity
"#;

/// Addresses of a network of its own, all on its loopback device; who connects to the second comes from the first.
const OWN_NETWORK: &str = "ip link set lo up; ip address add 10.0.0.1/32 dev lo; ip address add 10.0.0.2/32 dev lo; \
    ip route replace local 10.0.0.2 dev lo table local proto kernel scope host src 10.0.0.1; ";

/// What the machine shall be like.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThrowAwayRootBuilder<'a> {
    newest: bool,
    address: Option<SocketAddr>,
    own_network: bool,
    network_of: Option<&'a ThrowAwayRoot>,
    programs: Option<&'a Path>,
}

impl<'a> ThrowAwayRootBuilder<'a> {
    /// The newest OpenSSH server that the set-up could unpack, in place of this system's.
    pub fn newest(mut self, newest: bool) -> Self {
        self.newest = newest;
        self
    }

    /// A network that only machines made with [`Self::network_of`] share. It has the addresses 10.0.0.1 and 10.0.0.2.
    pub fn own_network(mut self) -> Self {
        self.own_network = true;
        self
    }

    /// The network of another machine.
    pub fn network_of(mut self, other: &'a ThrowAwayRoot) -> Self {
        self.network_of = Some(other);
        self
    }

    /// One more directory of programs, seen there at the same place and not changed.
    pub fn programs(mut self, directory: &'a Path) -> Self {
        self.programs = Some(directory);
        self
    }

    /// Where its SSH server listens; otherwise a free port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Makes the machine. Its SSH server is configured and not started.
    pub fn make(self) -> Result<ThrowAwayRoot> {
        ThrowAwayRoot::new(self)
    }
}

/// A running machine; ended with all its processes when dropped.
#[derive(Debug)]
pub struct ThrowAwayRoot {
    inside: Child,
    process: u32,
    address: SocketAddr,
    scratch: Scratch,
}

impl ThrowAwayRoot {
    /// Describes a new machine.
    pub fn builder<'a>() -> ThrowAwayRootBuilder<'a> {
        ThrowAwayRootBuilder::default()
    }

    fn new(wanted: ThrowAwayRootBuilder<'_>) -> Result<Self> {
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
        let address = match wanted.address {
            Some(address) => address,
            None => TcpListener::bind(("127.0.0.1", 0))
                .and_then(|listener| listener.local_addr())
                .during("find a free port")?,
        };
        let mut bound: Vec<PathBuf> = Vec::new();
        make_dir(&root, 0o755)?;
        for name in [
            "dev",
            "dev/shm",
            "etc",
            "home",
            "proc",
            "root",
            "run",
            "srv",
            "usr-local-bin",
            "usr-local-sbin",
            "var",
            "etc/ssh",
            "etc/ssh/sshd_config.d",
        ] {
            make_dir(&root.join(name), 0o755)?;
        }
        make_dir(&root.join("tmp"), 0o1777)?;
        std::os::unix::fs::symlink("/run", root.join("var/run")).during("make a link")?;
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
        if let Some(own) = wanted.programs {
            make_dir_all(&root.join(own.strip_prefix("/").unwrap_or(own)))?;
            bound.push(own.to_owned());
        }
        accounts::write(&root.join("etc"), &[])?;
        accounts::write_pam(&root.join("etc"))?;
        run(Command::new("ssh-keygen").args(["-A", "-f"]).arg(&root))?.success()?;
        let mut more = String::new();
        if wanted.newest {
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
                "Include /etc/ssh/sshd_config.d/*.conf\nPort {}\nListenAddress {}\nKbdInteractiveAuthentication no\n{more}X11Forwarding yes\n\
                 PrintMotd no\nAcceptEnv LANG LC_*\nSubsystem sftp /usr/lib/openssh/sftp-server\n",
                address.port(),
                address.ip()
            ),
            0o644,
        )?;
        let (inside, process) = begin(&root, &bound, wanted)?;
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

    /// Makes it a database host: the account `postgres` with the number it has out here, and `sudo` for its commands.
    pub fn add_postgres(&self) -> Result<()> {
        let account = self.scratch.account();
        let (user, uid, gid) = (account.name(), account.uid(), account.gid());
        self.shell(&format!(
            "groupadd --gid {gid} {user}; useradd --uid {uid} --gid {gid} --home-dir /var/lib/postgresql --shell /bin/bash {user}
             mkdir -p /var/lib /var/log; install -d -o {user} -g {user} /var/lib/postgresql /run/postgresql"
        ))?
        .success()?;
        self.add_sudo()
    }

    /// `sudo`, as far as tests need it: root may become anybody.
    pub fn add_sudo(&self) -> Result<()> {
        let sudo = "#!/bin/sh\n# What the tests need of sudo: [-u USER] COMMAND.\nset -eu\n\
            if [ \"$1\" != -u ]; then exec \"$@\"; fi\nuser=$2; shift 2\n\
            export HOME=$(getent passwd \"$user\" | cut -d: -f6) USER=$user LOGNAME=$user\n\
            exec setpriv --reuid \"$user\" --regid \"$(id -g \"$user\")\" --init-groups \"$@\"\n";
        write(&self.path("/usr-local-bin/sudo"), sudo, 0o755)
    }

    /// Installs a program under the names given, as `install` and `ln` into /usr/local/bin would.
    pub fn install(&self, program: &Path, names: &[&str]) -> Result<()> {
        let first = self.path("/usr-local-bin").join(names[0]);
        fs::copy(program, &first).during("copy the program")?;
        fs::set_permissions(&first, fs::Permissions::from_mode(0o755)).during("set its mode")?;
        for name in &names[1..] {
            std::os::unix::fs::symlink(names[0], self.path("/usr-local-bin").join(name))
                .during("make a link")?;
        }
        Ok(())
    }

    /// Runs a line of shell there as the account `postgres`.
    pub fn as_postgres(&self, line: &str) -> Result<Outcome> {
        run(self
            .command("sudo")
            .args(["-u", self.scratch.account().name(), "sh", "-ec", line]))
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
            .args(["--mount", "--net", "--pid", "--root", "--wd", "--", program])
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

    /// Makes the server read its configuration and keys again, and waits until it has.
    pub fn reload_sshd(&self) -> Result<()> {
        let reloaded = self.reloads();
        self.shell("kill -HUP $(cat /run/sshd.pid)")?.success()?;
        let started = Instant::now();
        // Until it has noticed the signal, the old one answers.
        while self.reloads() == reloaded && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.wait_for_sshd()
    }

    fn reloads(&self) -> usize {
        self.sshd_log().matches(RELOADED).count()
    }

    /// Waits until the server takes connections (again).
    pub fn wait_for_sshd(&self) -> Result<()> {
        let started = Instant::now();
        let knock = format!(
            "exec 3<>/dev/tcp/{}/{}",
            self.address.ip(),
            self.address.port()
        );
        while started.elapsed() < PATIENCE {
            // One that was told to reload closes its port, and opens it again a moment later.
            let log = self.sshd_log();
            if log.rfind(RELOADED) > log.rfind(LISTENS) {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            }
            // From inside: the network may be its own.
            if run(self.command("bash").args(["-c", &knock]))?.code == 0 {
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
fn begin(root: &Path, bound: &[PathBuf], wanted: ThrowAwayRootBuilder<'_>) -> Result<(Child, u32)> {
    let mut command = match wanted.network_of {
        Some(other) => {
            let mut command = Command::new("nsenter");
            command.args([
                &format!("--target={}", other.process),
                "--net",
                "--",
                "unshare",
            ]);
            command
        }
        None => Command::new("unshare"),
    };
    if wanted.own_network {
        command.arg("--net");
    }
    let network = if wanted.own_network { OWN_NETWORK } else { "" };
    let mut inside = command
        .args([
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
        ])
        .arg(format!("{network}{INIT}"))
        .arg("sh")
        .arg(root)
        .args(bound)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .during("start unshare")?;
    let children = format!("/proc/{0}/task/{0}/children", inside.id());
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(120) {
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
