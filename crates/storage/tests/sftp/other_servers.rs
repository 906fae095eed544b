//! Servers other than OpenSSH, each started on a loopback port where it is installed.
//!
//! What they lack differs; what a repository needs must work on all of them.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgkeep_storage::sftp::examine::{Change, Creation, Examiner, Refusal, changes, links};
use pgkeep_storage::sftp::{HostKeyCheck, SftpSettings, SftpStorage};
use pgkeep_storage::{
    ErrorKind, InfoLevel, ListOptions, Paths, Removed, Storage, StoragePath, WriteOptions,
};
use pgkeep_testkit::account::Account;
use pgkeep_testkit::error::Error;
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, in_place, read, temporary_files, write};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_repository_works_on_rclone", || repository(rclone))
        .test("a_repository_works_on_asyncssh", || repository(asyncssh))
        .test("a_repository_works_on_proftpd", || repository(proftpd))
        .test("what_accounts_of_other_servers_may_do_is_seen", finished)
        .test(
            "a_server_whose_links_replace_is_refused_and_nothing_is_replaced",
            || {
                untrue_links(
                    REPLACING,
                    "does not refuse to link a file to a name that is taken",
                )?;
                untrue_links(REMOVING, "a hard link removes a file")?;
                untrue_links(REFUSING, "makes no hard links")
            },
        )
}

/// Debian's own: asyncssh comes as a package.
const PYTHON: &str = "/usr/bin/python3";

/// A running server with its keys and files.
struct Peer {
    dir: tempfile::TempDir,
    child: Option<Child>,
    port: u16,
    user: String,
    /// The directory of the files as the client names it.
    root: PathBuf,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Peer {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir(dir.path().join("files"))?;
        for name in ["host_key", "client_key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(dir.path().join(name))
                .status()?;
            assert!(made.success());
        }
        std::fs::copy(
            dir.path().join("client_key.pub"),
            dir.path().join("authorized_keys"),
        )?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let root = dir.path().join("files");
        Ok(Self {
            dir,
            child: None,
            port,
            user: "tester".into(),
            root,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(
        mut self,
        mut command: Command,
        name: &str,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let log = std::fs::File::create(self.path("log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.child = Some(match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::missing(name).into());
            }
            Err(error) => return Err(error.into()),
        });
        let limit = Instant::now() + Duration::from_secs(120);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self
                .child
                .as_mut()
                .is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_some()));
            if ended || Instant::now() > limit {
                return Err(format!(
                    "{name} did not start: {}",
                    std::fs::read_to_string(self.path("log"))?
                )
                .into());
            }
            std::thread::yield_now();
        }
        Ok(self)
    }

    fn settings(&self, port: u16) -> Result<SftpSettings, Box<dyn std::error::Error>> {
        let mut settings = SftpSettings::new("127.0.0.1", &self.user, &self.root);
        settings.port = port;
        settings.private_key_file = Some(self.path("client_key"));
        settings.host_key_check = HostKeyCheck::Strict;
        let key = std::fs::read_to_string(self.path("host_key.pub"))?;
        std::fs::write(
            self.path("known_hosts"),
            format!("[127.0.0.1]:{port} {key}"),
        )?;
        settings.known_hosts = Some(vec![self.path("known_hosts")]);
        settings.io_timeout = Duration::from_secs(60);
        Ok(settings)
    }
}

fn rclone() -> Result<Peer, Box<dyn std::error::Error>> {
    let mut peer = Peer::new()?;
    let mut command = Command::new("rclone");
    command
        .args(["serve", "sftp", "--addr"])
        .arg(format!("127.0.0.1:{}", peer.port))
        .arg("--key")
        .arg(peer.path("host_key"))
        .arg("--authorized-keys")
        .arg(peer.path("authorized_keys"))
        .arg("--config=/dev/null")
        .arg(peer.path("files"));
    peer.root = "/repo".into();
    peer.start(command, "rclone")
}

fn asyncssh() -> Result<Peer, Box<dyn std::error::Error>> {
    asyncssh_with(None)
}

/// `link`: what the server does in place of a hard link.
fn asyncssh_with(link: Option<&str>) -> Result<Peer, Box<dyn std::error::Error>> {
    let class = match link {
        None => "Server = asyncssh.SFTPServer\n".to_owned(),
        Some(link) => format!(
            "class Server(asyncssh.SFTPServer):\n    def link(self, old, new):\n        old, new = self.map_path(old), self.map_path(new)\n        {link}\n"
        ),
    };
    let server = format!(
        "import asyncio, asyncssh, os, sys\n{class}async def main():\n    s = await asyncssh.listen('127.0.0.1', int(sys.argv[1]), \
         server_host_keys=[sys.argv[2]], authorized_client_keys=sys.argv[3], sftp_factory=Server)\n    await s.wait_closed()\nasyncio.run(main())\n"
    );
    let found = Command::new(PYTHON)
        .args(["-c", "import asyncssh"])
        .stderr(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        return Err(Error::missing("python3-asyncssh").into());
    }
    let peer = Peer::new()?;
    let mut command = Command::new(PYTHON);
    command
        .args(["-c", &server, &peer.port.to_string()])
        .arg(peer.path("host_key"))
        .arg(peer.path("authorized_keys"));
    peer.start(command, "python3-asyncssh")
}

fn proftpd() -> Result<Peer, Box<dyn std::error::Error>> {
    proftpd_with("AllowOverwrite on")
}

/// One whose accounts may only add, by its own means.
fn proftpd_limited() -> Result<Peer, Box<dyn std::error::Error>> {
    proftpd_with(
        "AllowOverwrite off\n<Limit DELE RMD RNFR RNTO REMOVE RMDIR RENAME SETSTAT FSETSTAT SYMLINK>\n\
         DenyAll\n</Limit>",
    )
}

fn proftpd_with(rights: &str) -> Result<Peer, Box<dyn std::error::Error>> {
    let module = Path::new("/usr/lib/proftpd/mod_sftp.so");
    if !module.exists() {
        return Err(Error::missing("proftpd-mod-crypto").into());
    }
    let peer = Peer::new()?;
    let account = Account::server()?;
    account.own_tree(peer.dir.path())?;
    let public = Command::new("ssh-keygen")
        .args(["-e", "-m", "RFC4716", "-f"])
        .arg(peer.path("client_key.pub"))
        .output()?;
    std::fs::write(peer.path("keys"), public.stdout)?;
    let (uid, gid) = (account.uid(), account.gid());
    let home = peer.path("files").display().to_string();
    let secret = |name: &str, text: String| -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(peer.path(name), text)?;
        std::fs::set_permissions(peer.path(name), std::fs::Permissions::from_mode(0o600))
    };
    secret("passwd", format!("tester:x:{uid}:{gid}::{home}:/bin/sh\n"))?;
    secret("group", format!("testers:x:{gid}:\n"))?;
    let dir = peer.dir.path().display();
    let text = format!(
        "ModulePath /usr/lib/proftpd\nLoadModule mod_sftp.c\nServerType standalone\nDefaultAddress 127.0.0.1\nPort {port}\n\
         UseReverseDNS off\nUseIPv6 off\nUser {user}\nGroup nogroup\nPidFile {dir}/pid\nScoreboardFile {dir}/scoreboard\n\
         DelayEngine off\nWtmpLog off\nSystemLog {dir}/system.log\nTransferLog none\nAuthOrder mod_auth_file.c\nAuthUserFile {dir}/passwd\nAuthGroupFile {dir}/group\n\
         RequireValidShell off\n{rights}\nSFTPEngine on\nSFTPLog {dir}/sftp.log\nSFTPHostKey {dir}/host_key\n\
         SFTPAuthMethods publickey\nSFTPAuthorizedUserKeys file:{dir}/keys\n",
        port = peer.port,
        user = account.name(),
    );
    std::fs::write(peer.path("proftpd.conf"), text)?;
    std::fs::set_permissions(
        peer.path("host_key"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )?;
    std::os::unix::fs::chown(peer.path("host_key"), Some(0), Some(0))?;
    let mut command = Command::new("/usr/sbin/proftpd");
    command.arg("-n").arg("-c").arg(peer.path("proftpd.conf"));
    peer.start(command, "proftpd")
}

/// Links, and changes of a finished file, as the page about servers says.
fn finished() -> TestResult {
    use Change::{DateBack, Overwrite, Remove, Replace};
    for (start, linked, may) in [
        (
            asyncssh as fn() -> Result<Peer, Box<dyn std::error::Error>>,
            true,
            &[DateBack, Overwrite, Replace, Remove][..],
        ),
        (proftpd, true, &[DateBack, Overwrite, Replace, Remove]),
        (proftpd_limited, true, &[]),
        (rclone, false, &[DateBack, Overwrite, Replace, Remove]),
    ] {
        let peer = start()?;
        let server = Examiner::open(&peer.settings(peer.port)?)?;
        let software = server.handshake().offer.map(|offer| offer.greeting);
        let failed =
            |step: &str, refusal: Refusal| format!("{software:?}: {step}: {}", refusal.reason);
        let files = server.files().map_err(|why| failed("SFTP", why))?;
        let directory = format!("{}/tried", peer.root.display());
        let _ = files.make_path(&peer.root.display().to_string());
        files
            .make_path(&directory)
            .map_err(|why| failed("mkdir", why))?;
        let file = format!("{directory}/finished");
        files
            .write(&file, Creation::Closed, b"finished")
            .map_err(|why| failed("write", why))?;
        let seen = links(&files, &directory, &file);
        let tried = changes(&files, &directory, &file, 1_000_000_000);
        let expected = (linked, linked.then_some(false), may);
        if (seen.made.is_ok(), seen.replace, &tried.may[..]) != expected {
            return Err(format!("{software:?}: {expected:?}: {seen:?} {tried:?}").into());
        }
    }
    adds(&proftpd_limited()?)
}

/// A file can be published there, and stays what it is.
fn adds(peer: &Peer) -> TestResult {
    let mut settings = peer.settings(peer.port)?;
    settings.append_only = true;
    let storage = SftpStorage::new(settings)?;
    storage.create_path(&StoragePath::from("set"), 0o750)?;
    let put = |text: &[u8]| write(&storage, "set/file", text, &WriteOptions::default());
    put(b"one")?;
    put(b"one")?;
    match put(b"two") {
        Err(error) if error.kind == ErrorKind::Exists => {}
        other => return Err(format!("a second file of the name: {other:?}").into()),
    }
    assert_eq!(read(&storage, "set/file")?.as_deref(), Some(&b"one"[..]));
    Ok(())
}

/// Python for `link(old, new)` of a server.
const REPLACING: &str = "os.link(old, new + b'.x'); os.rename(new + b'.x', new)";
const REMOVING: &str = "os.path.lexists(new) and os.unlink(new); os.link(old, new)";
const REFUSING: &str = "raise asyncssh.SFTPOpUnsupported('no links')";

/// A server that announces hard links, which are none that an account that may only add can publish by.
fn untrue_links(link: &str, words: &str) -> TestResult {
    let peer = asyncssh_with(Some(link))?;
    let there = peer.root.join("there");
    std::fs::write(&there, "an older file")?;
    let mut settings = peer.settings(peer.port)?;
    settings.append_only = true;
    let storage = SftpStorage::new(settings)?;
    for name in ["there", "new"] {
        let Err(error) = write(&storage, name, b"other bytes", &WriteOptions::default()) else {
            return Err(format!("{name} was written by: {link}").into());
        };
        let said = error.to_string();
        if error.kind != ErrorKind::Unsupported || !said.contains(words) || error.hints.is_empty() {
            return Err(format!("{link}: {error:?}").into());
        }
    }
    match std::fs::read(&there)? == b"an older file" {
        true => Ok(()),
        false => Err(format!("the file that was there has gone by: {link}").into()),
    }
}

/// What a repository needs: files of all sizes stored and replaced, listed, read, removed.
fn repository(start: fn() -> Result<Peer, Box<dyn std::error::Error>>) -> TestResult {
    let peer = start()?;
    let storage = SftpStorage::new(peer.settings(peer.port)?)?;
    let said = |step: &str, error: pgkeep_storage::Error| format!("{step}: {error}");
    let how = storage
        .durability(pgkeep_storage::WriteMode::Atomic)
        .map_err(|error| said("connect", error))?;
    assert!(how >= pgkeep_storage::Durability::ReRead);
    storage
        .create_path(&StoragePath::from("backup/demo"), 0o750)
        .map_err(|error| said("mkdir", error))?;
    storage
        .create_path(&StoragePath::from("backup/demo"), 0o750)
        .map_err(|error| said("mkdir again", error))?;
    for (number, length) in [0usize, 1, 40_000, 700_000, 9 << 20]
        .into_iter()
        .enumerate()
    {
        let seed = number as u64;
        for (name, options) in [
            ("atomic", WriteOptions::default()),
            ("in-place", in_place()),
        ] {
            let path = format!("backup/demo/set/{name}-{number}");
            write(&storage, &path, &bytes(seed, length), &options)
                .map_err(|error| said(&path, error))?;
            assert!(
                read(&storage, &path)? == Some(bytes(seed, length)),
                "{path} differs"
            );
        }
    }
    for text in ["one", "two", "three"] {
        write(
            &storage,
            "backup/demo/backup.info",
            text.as_bytes(),
            &WriteOptions::default(),
        )
        .map_err(|error| said("replace", error))?;
        assert_eq!(
            read(&storage, "backup/demo/backup.info")?.as_deref(),
            Some(text.as_bytes())
        );
    }
    drop(storage);
    // Far away several channels are used: they all find that the directory is missing.
    let proxy = Network::new()
        .delay(Duration::from_millis(5))
        .to(([127, 0, 0, 1], peer.port).into())?;
    let storage = SftpStorage::new(peer.settings(proxy.address().port())?)?;
    let tickets: Vec<_> = (0..150u64)
        .map(|number| {
            let path = StoragePath::from(format!("archive/{number:03}"));
            pgkeep_storage::copy::write_ticket(
                &storage,
                &path,
                &WriteOptions::default(),
                &bytes(number, 3000),
            )
        })
        .collect::<Result<_, _>>()?;
    for ticket in tickets {
        ticket.wait().map_err(|error| said("many", error))?;
    }
    let listed = storage.list(
        &StoragePath::from("archive"),
        &ListOptions {
            sort: true,
            ..ListOptions::default()
        },
    )?;
    let listed = listed.ok_or("archive is there")?;
    assert_eq!(listed.len(), 150);
    assert!(listed.iter().all(|info| info.size == 3000));
    assert!(
        storage
            .info(&StoragePath::from("archive/none"), InfoLevel::Basic)?
            .is_none()
    );
    assert!(
        storage
            .list(&StoragePath::from("none"), &ListOptions::default())?
            .is_none()
    );
    assert_eq!(
        storage.remove(&StoragePath::from("archive/000"))?,
        Removed::Removed
    );
    assert_eq!(
        storage.remove(&StoragePath::from("archive/000"))?,
        Removed::Missing
    );
    assert_eq!(temporary_files(&peer.path("files"))?, Vec::<String>::new());
    assert_eq!(
        storage.remove_tree(&StoragePath::from("archive"))?,
        Removed::Removed
    );
    assert_eq!(
        storage.remove_tree(&StoragePath::from("archive"))?,
        Removed::Missing
    );
    Ok(())
}
