//! Starts sshd and waits until it answers.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{During, Error, Result};
use crate::scratch::Scratch;

use super::layout::{CHROOT_AT, Layout};

/// Makes the server's namespace. Parameters: scratch directory, chroot, sshd.
const INIT: &str = r#"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 755 /run/sshd "$2"
mount --bind "$1/chroot" "$2"
mount --bind "$1/etc" /etc
exec "$3" -D -e -f "$1/sshd_config"
"#;

pub(super) fn launch(scratch: &Scratch, address: SocketAddr, layout: &Layout) -> Result<Child> {
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

pub(super) fn free_port(on: &str) -> Result<SocketAddr> {
    TcpListener::bind((on, 0))
        .and_then(|listener| listener.local_addr())
        .during("find a free port")
}
