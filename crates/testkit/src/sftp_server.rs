//! A real OpenSSH server on a loopback port that offers `internal-sftp`, with keys and files of its own.
//!
//! Plain: it runs as the server account, which is also the login; with a shell and an /etc of its own where that can be had.
//! Chrooted (root only): the usual SFTP-only system user in
//! a chroot, who exists only in the server's own mount namespace. That has an /etc of its own, so the machine's user database
//! is neither touched nor asked. Traps that this knows: sshd refuses a chroot below a world-writable directory (so it is bound
//! to another place), takes an account with the password `!` for locked, and wants /run/sshd.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::accounts::{self, Entry};
use crate::error::{During, Error, Result};
use crate::installed;
use crate::run::run;
use crate::scratch::Scratch;
use crate::suite;

const SSHD: &str = "/usr/sbin/sshd";
/// Uid and gid of the chrooted account, above what Debian gives out.
const CHROOTED_ID: u32 = 64_217;
/// Where the chroot is in the server's namespace: in a /run of its own, which has the owners that sshd asks for.
const CHROOT_AT: &str = "/run/sftp";
/// Makes the server's namespace. Parameters: scratch directory, chroot, sshd.
const INIT: &str = r#"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 755 /run/sshd "$2"
mount --bind "$1/chroot" "$2"
mount --bind "$1/etc" /etc
exec "$3" -D -e -f "$1/sshd_config"
"#;
/// Of this machine's /etc, what sshd reads besides accounts.
const COPIED: &[&str] = &["ld.so.cache", "localtime", "ssh/moduli"];

/// What the server shall be like.
#[derive(Debug, Clone, Default)]
pub struct SftpServerBuilder {
    chrooted: bool,
    newest: bool,
    lines: Vec<String>,
    account_lines: Vec<String>,
    shell: bool,
    short_host_key: bool,
    host_key_type: Option<String>,
    ipv6: bool,
    without_subsystem: bool,
}

impl SftpServerBuilder {
    /// An SFTP-only system user in a chroot (needs root).
    pub fn chrooted(mut self) -> Self {
        self.chrooted = true;
        self
    }

    /// The newest OpenSSH that the set-up could unpack, with its own defaults for sessions, start-ups and penalties.
    pub fn newest(mut self) -> Self {
        self.newest = true;
        self
    }

    /// Adds a line to the global part of `sshd_config`, before the defaults used here; the first of a keyword counts.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Adds a line to the part of `sshd_config` that is for the chrooted account, before the lines used here, which
    /// close everything but SFTP; the first of a keyword counts.
    pub fn account_line(mut self, line: impl Into<String>) -> Self {
        self.account_lines.push(line.into());
        self
    }

    /// Gives the chrooted account a shell that is there in the chroot.
    pub fn shell(mut self) -> Self {
        self.shell = true;
        self
    }

    /// A second host key that is too short: RSA with 1024 bits.
    pub fn short_host_key(mut self) -> Self {
        self.short_host_key = true;
        self
    }

    /// Type of the host key as `ssh-keygen -t` names it (ed25519 unless set).
    pub fn host_key_type(mut self, kind: impl Into<String>) -> Self {
        self.host_key_type = Some(kind.into());
        self
    }

    /// Listens on `::1`.
    pub fn ipv6(mut self) -> Self {
        self.ipv6 = true;
        self
    }

    /// Has no subsystem `sftp`: a server for logins only.
    pub fn without_subsystem(mut self) -> Self {
        self.without_subsystem = true;
        self
    }

    /// Starts it with the SFTP-only account in a chroot where that can be had, else with the server account. In CI it must
    /// be had.
    pub fn start_chrooted_if_possible(self) -> Result<SftpServer> {
        match self.clone().chrooted().start() {
            Err(Error::Missing(_)) if !suite::in_ci() => self.start(),
            started => started,
        }
    }

    /// Makes keys and configuration and starts the server.
    pub fn start(self) -> Result<SftpServer> {
        let program = if self.newest {
            installed::newest_openssh()?.join("sbin/sshd")
        } else {
            PathBuf::from(SSHD)
        };
        if !program.exists() {
            return Err(Error::missing("sshd"));
        }
        if self.chrooted && !rustix::process::geteuid().is_root() {
            return Err(Error::Missing(
                "a chrooted SFTP account can be made by root only".into(),
            ));
        }
        let scratch = Scratch::new()?;
        let account = scratch.account().clone();
        keygen(
            &account,
            &scratch.join("host_key"),
            self.host_key_type.as_deref().unwrap_or("ed25519"),
        )?;
        if self.short_host_key {
            keygen_with(
                &account,
                &scratch.join("short_host_key"),
                &["rsa", "-b", "1024"],
            )?;
        }
        keygen(&account, &scratch.join("client_key"), "ed25519")?;
        fs::copy(
            scratch.join("client_key.pub"),
            scratch.join("authorized_keys"),
        )
        .during("copy the client's key")?;
        account.own(&scratch.join("authorized_keys"))?;
        let layout = if self.chrooted {
            chrooted_layout(&scratch, program, self.shell)?
        } else {
            plain_layout(&scratch, program)?
        };
        let mut last = String::new();
        // The port is free when it is chosen; should another process take it first, another one is tried.
        for _ in 0..5 {
            let address = free_port(if self.ipv6 { "::1" } else { "127.0.0.1" })?;
            scratch.write(
                "sshd_config",
                self.configuration(&scratch, address, &layout)?,
            )?;
            match launch(&scratch, address, &layout) {
                Ok(child) => {
                    let known_hosts = known_hosts(&scratch, address)?;
                    return Ok(SftpServer {
                        child,
                        address,
                        layout,
                        known_hosts,
                        scratch,
                    });
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(Error::Failed(last))
    }

    fn configuration(
        &self,
        scratch: &Scratch,
        address: SocketAddr,
        layout: &Layout,
    ) -> Result<String> {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(&format!(
            "Port {port}\nListenAddress {address}\nHostKey {dir}/host_key\nPidFile none\nAuthorizedKeysFile {dir}/authorized_keys\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM no\nUseDNS no\n\
             LogLevel VERBOSE\n{subsystem}AllowUsers {user}\n",
            port = address.port(),
            address = address.ip(),
            subsystem = if self.without_subsystem {
                ""
            } else {
                "Subsystem sftp internal-sftp\n"
            },
            dir = scratch.path().display(),
            user = layout.user,
        ));
        if self.newest {
            let lib = installed::newest_openssh()?.join("lib");
            text.push_str(&format!(
                "SshdSessionPath {0}/sshd-session\nSshdAuthPath {0}/sshd-auth\n",
                lib.display()
            ));
        } else {
            // Many tests log in at once.
            text.push_str("MaxStartups 100\n");
        }
        if self.short_host_key {
            text.push_str(&format!(
                "HostKey {}/short_host_key\n",
                scratch.path().display()
            ));
        }
        if self.chrooted {
            text.push_str(&format!("Match User {}\n", layout.user));
            for line in &self.account_lines {
                text.push_str(&format!("    {line}\n"));
            }
            text.push_str(&format!(
                "    ChrootDirectory {CHROOT_AT}\n    ForceCommand internal-sftp\n    AllowTcpForwarding no\n    \
                 AllowStreamLocalForwarding no\n    AllowAgentForwarding no\n    X11Forwarding no\n    PermitTunnel no\n    \
                 PermitTTY no\n    PermitUserRC no\n",
            ));
        }
        Ok(text)
    }
}

#[derive(Debug)]
struct Layout {
    program: PathBuf,
    /// What is in the place of /etc in its namespace, if it has one.
    etc: Option<PathBuf>,
    user: String,
    /// Where the client's files land, as this process sees it.
    files: PathBuf,
    /// The same place as the client names it.
    remote: String,
    chrooted: bool,
}

/// A running server; ended when dropped.
#[derive(Debug)]
pub struct SftpServer {
    child: Child,
    address: SocketAddr,
    layout: Layout,
    known_hosts: PathBuf,
    scratch: Scratch,
}

impl SftpServer {
    /// Describes a new server.
    pub fn builder() -> SftpServerBuilder {
        SftpServerBuilder::default()
    }

    /// Address and port on loopback.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Login name.
    pub fn user(&self) -> &str {
        &self.layout.user
    }

    /// The client's private key, readable by the server account only.
    pub fn private_key(&self) -> PathBuf {
        self.scratch.join("client_key")
    }

    /// The client's public key.
    pub fn public_key(&self) -> PathBuf {
        self.scratch.join("client_key.pub")
    }

    /// A `known_hosts` file that names this server at its port.
    pub fn known_hosts(&self) -> &Path {
        &self.known_hosts
    }

    /// The directory that the client may write, as the client names it.
    pub fn remote_dir(&self) -> &str {
        &self.layout.remote
    }

    /// The same directory as this process sees it.
    pub fn files(&self) -> &Path {
        &self.layout.files
    }

    /// A `known_hosts` file for the same server behind another address, for instance a `NetworkProxy`.
    pub fn known_hosts_for(&self, address: SocketAddr) -> Result<PathBuf> {
        known_hosts(&self.scratch, address)
    }

    /// The host key's fingerprint, `SHA256:…`.
    pub fn fingerprint(&self) -> Result<String> {
        let said = run(Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.scratch.join("host_key.pub")))?
        .success()?
        .stdout;
        Ok(said
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned())
    }

    /// Replaces the host key; the server must be restarted to use it.
    pub fn new_host_key(&self) -> Result<()> {
        for name in ["host_key", "host_key.pub"] {
            fs::remove_file(self.scratch.join(name)).during(format!("remove {name}"))?;
        }
        keygen(
            self.scratch.account(),
            &self.scratch.join("host_key"),
            "ed25519",
        )
    }

    /// Ends the server with all sessions, and starts it again at the same port. `known_hosts` stays as it is.
    pub fn restart(&mut self) -> Result<()> {
        self.end();
        self.child = launch(&self.scratch, self.address, &self.layout)?;
        Ok(())
    }

    /// Ends the server with all sessions: nobody listens at the port until [`Self::restart`].
    pub fn stop(&mut self) {
        self.end();
    }

    /// Stops the server and its sessions where they are: connections stay open, and nothing is answered.
    pub fn freeze(&self) -> Result<()> {
        self.signal_all(rustix::process::Signal::STOP)
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) -> Result<()> {
        self.signal_all(rustix::process::Signal::CONT)
    }

    fn signal_all(&self, signal: rustix::process::Signal) -> Result<()> {
        let group = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .ok_or_else(|| Error::failed("the server has no process id"))?;
        rustix::process::kill_process_group(group, signal)
            .map_err(std::io::Error::from)
            .during("signal the server")
    }

    /// What the server logged so far.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.scratch.join("sshd.log")).unwrap_or_default()
    }

    fn end(&mut self) {
        // The group holds the listener and its sessions. An error means that it has ended already.
        let group = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
            // One that is frozen ends only when it goes on.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::CONT);
        }
        let _ = self.child.wait();
    }
}

impl Drop for SftpServer {
    fn drop(&mut self) {
        self.end();
    }
}

fn plain_layout(scratch: &Scratch, program: PathBuf) -> Result<Layout> {
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
            Some(make_etc(scratch, &entry)?)
        } else {
            None
        },
        user: account.name().to_owned(),
        files,
        remote,
        chrooted: false,
    })
}

/// An /etc of the server's own, with one account more than every system has.
fn make_etc(scratch: &Scratch, entry: &Entry<'_>) -> Result<PathBuf> {
    let etc = scratch.join("etc");
    fs::create_dir_all(etc.join("ssh")).during("make the server's /etc")?;
    for name in COPIED {
        let own = Path::new("/etc").join(name);
        if own.exists() {
            fs::copy(&own, etc.join(name)).during(format!("copy {}", own.display()))?;
        }
    }
    accounts::write(&etc, std::slice::from_ref(entry))?;
    Ok(etc)
}

fn chrooted_layout(scratch: &Scratch, program: PathBuf, shell: bool) -> Result<Layout> {
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
    let etc = make_etc(
        scratch,
        &Entry {
            name: "sftpuser",
            group: "sftpusers",
            uid: CHROOTED_ID,
            gid: CHROOTED_ID,
            home: "/backup",
            shell,
        },
    )?;
    Ok(Layout {
        program,
        etc: Some(etc),
        user: "sftpuser".into(),
        files,
        remote: "/backup".into(),
        chrooted: true,
    })
}

fn launch(scratch: &Scratch, address: SocketAddr, layout: &Layout) -> Result<Child> {
    use std::os::unix::process::CommandExt;
    let log_path = scratch.join("sshd.log");
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_path)
        .during("open sshd's log")?;
    let mut command = if layout.chrooted {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-ec", INIT]);
        command
            .arg("sh")
            .arg(scratch.path())
            .arg(CHROOT_AT)
            .arg(&layout.program);
        command
    } else {
        let account = scratch.account();
        let mut command = match &layout.etc {
            Some(etc) => account.command_with_etc(etc, &layout.program),
            None => account.command(&layout.program),
        };
        command
            .args(["-D", "-e", "-f"])
            .arg(scratch.join("sshd_config"));
        command
    };
    let before = fs::metadata(&log_path).map_or(0, |log| log.len());
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .during("start sshd")?;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(120) {
        if let Some(status) = child.try_wait().during("watch sshd")? {
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            if layout.chrooted && log.contains("unshare: ") {
                return Err(Error::Missing(
                    "this machine allows no mount namespace for a chrooted sshd".into(),
                ));
            }
            return Err(Error::Failed(format!(
                "sshd ended at once ({status}):\n{log}"
            )));
        }
        // Another server may have taken the port meanwhile, and would answer in its place.
        let log = fs::read(&log_path).unwrap_or_default();
        let new = log.get(usize::try_from(before).unwrap_or(0)..);
        let listens = String::from_utf8_lossy(new.unwrap_or_default()).contains("Server listening");
        if listens && TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return Ok(child);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // It never answered; whatever it is, it must not stay.
    let _ = child.kill();
    let _ = child.wait();
    Err(Error::Failed(format!(
        "sshd does not answer:\n{}",
        fs::read_to_string(&log_path).unwrap_or_default()
    )))
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

fn keygen(account: &Account, path: &Path, kind: &str) -> Result<()> {
    keygen_with(account, path, &[kind])
}

fn keygen_with(account: &Account, path: &Path, kind: &[&str]) -> Result<()> {
    if !Path::new("/usr/bin/ssh-keygen").exists() {
        return Err(Error::missing("ssh-keygen"));
    }
    run(account
        .command("ssh-keygen")
        .args(["-q", "-N", "", "-C", "pgkeep test", "-t"])
        .args(kind)
        .arg("-f")
        .arg(path))?
    .success()
    .map(drop)
}

fn known_hosts(scratch: &Scratch, address: SocketAddr) -> Result<PathBuf> {
    let key = fs::read_to_string(scratch.join("host_key.pub")).during("read the host key")?;
    let words: Vec<&str> = key.split_whitespace().take(2).collect();
    let name = format!("known_hosts.{}", address.port());
    scratch.write(
        name,
        format!(
            "[{}]:{} {}\n",
            address.ip(),
            address.port(),
            words.join(" ")
        ),
    )
}

fn free_port(on: &str) -> Result<SocketAddr> {
    TcpListener::bind((on, 0))
        .and_then(|listener| listener.local_addr())
        .during("find a free port")
}
