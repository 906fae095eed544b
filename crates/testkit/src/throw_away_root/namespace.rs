//! The namespaces of a machine: its mounts, its processes, its network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{During, Error, Result};

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

/// Which network the machine is in.
pub(super) enum Network {
    /// That of this machine.
    Shared,
    /// One of its own.
    Own,
    /// That of the machine whose process 1 this is.
    Of(u32),
}

/// Starts process 1; its number out here is that of the only child of `unshare`.
pub(super) fn start(root: &Path, bound: &[PathBuf], network: &Network) -> Result<(Child, u32)> {
    let mut command = match network {
        Network::Of(process) => {
            let mut command = Command::new("nsenter");
            command.args([&format!("--target={process}"), "--net", "--", "unshare"]);
            command
        }
        Network::Own | Network::Shared => Command::new("unshare"),
    };
    let addresses = match network {
        Network::Own => {
            command.arg("--net");
            OWN_NETWORK
        }
        Network::Of(_) | Network::Shared => "",
    };
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
        .arg(format!("{addresses}{INIT}"))
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
