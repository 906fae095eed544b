//! The two hosts connected by TLS: each has a server, and certificates of one authority.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Stdio};

use pgkeep_testkit::authority::Authority;

use crate::Result;
use crate::stage::{Host, Stage};

/// Longest wait for a server to listen, in steps of ten milliseconds.
const PATIENCE: usize = 6000;

/// The servers of both hosts, which end with the test.
pub struct Servers(Vec<Child>);

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.0 {
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_child(server),
                rustix::process::Signal::TERM,
            );
            let _ = server.wait();
        }
    }
}

/// From now on the hosts of this stage reach each other by TLS. `of_pg`: what the host of the cluster may do at the host of the
/// repository, as an option and its value.
pub fn connect(stage: &mut Stage<'_>, of_pg: (&str, &str)) -> Result<Servers> {
    let directory = stage.scratch.make_dir("tls")?;
    let authority = Authority::new(&directory, None)?;
    authority.issue("server", "localhost", Some("DNS:localhost"))?;
    for host in ["pg", "repo"] {
        authority.issue(host, host, None)?;
    }
    stage.scratch.account().own_tree(&directory)?;
    let file = |name: &str| directory.join(name).display().to_string();

    let mut ports = Vec::new();
    for _ in 0..2 {
        // Bound both, so that they differ; free when the servers start.
        ports.push(TcpListener::bind("127.0.0.1:0")?);
    }
    let numbers = [ports[0].local_addr()?.port(), ports[1].local_addr()?.port()];
    for (host, prefix, port, other) in [
        (Host::Pg, "repo1", numbers[0], numbers[1]),
        (Host::Repo, "pg1", numbers[1], numbers[0]),
    ] {
        for option in ["host-user", "host-cmd", "host-config"] {
            stage.set(host, &format!("{prefix}-{option}"), "")?;
        }
        let name = host.name();
        for (option, value) in [
            ("host", "localhost".to_owned()),
            ("host-type", "tls".to_owned()),
            ("host-port", other.to_string()),
            ("host-cert-file", file(&format!("{name}.crt"))),
            ("host-key-file", file(&format!("{name}.key"))),
            ("host-ca-file", file("ca.crt")),
        ] {
            stage.set(host, &format!("{prefix}-{option}"), &value)?;
        }
        let rights = match host {
            Host::Repo => of_pg,
            Host::Pg => ("tls-server-auth", "repo=main"),
        };
        for (option, value) in [
            ("tls-server-port", port.to_string()),
            ("tls-server-cert-file", file("server.crt")),
            ("tls-server-key-file", file("server.key")),
            ("tls-server-ca-file", file("ca.crt")),
            (rights.0, rights.1.to_owned()),
        ] {
            stage.set(host, option, &value)?;
        }
    }
    drop(ports);
    let mut servers = Servers(Vec::new());
    for host in [Host::Pg, Host::Repo] {
        let output = fs::File::create(stage.directory(host, "server.out"))?;
        let mut command = stage.program.command();
        command
            .arg(format!("--config={}", stage.config(host).display()))
            .args(["--log-level-console=detail", "server"])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        servers.0.push(command.spawn()?);
    }
    for host in [Host::Pg, Host::Repo] {
        wait_for(stage, host, "listening on ")?;
    }
    Ok(servers)
}

/// Waits until the server of a host has said this.
pub fn wait_for(stage: &Stage<'_>, host: Host, text: &str) -> Result<()> {
    let output = stage.directory(host, "server.out");
    for _ in 0..PATIENCE {
        if fs::read_to_string(&output)?.contains(text) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Err(format!(
        "the server did not say {text}: {}",
        fs::read_to_string(&output)?
    )
    .into())
}
