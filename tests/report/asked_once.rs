//! A repository whose host lets everybody in and never says a word is asked as often by a page about all stanzas as by `info`.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pgkeep_testkit::authority::Authority;
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use super::stage::Result;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "a_repository_that_does_not_answer_is_asked_once_a_run",
        move || once(&program),
    )
}

/// A host that lets everybody in and never says a word. Counts who comes.
struct Mute {
    address: SocketAddr,
    came: Arc<AtomicUsize>,
}

impl Mute {
    fn new() -> Result<Self> {
        let host = TcpListener::bind("127.0.0.1:0")?;
        let address = host.local_addr()?;
        let came = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&came);
        // Ends with the suite.
        std::thread::spawn(move || {
            let mut clients = Vec::new();
            while let Ok((client, _)) = host.accept() {
                count.fetch_add(1, Ordering::SeqCst);
                clients.push(client);
            }
        });
        Ok(Self { address, came })
    }
}

fn once(program: &Program) -> TestResult {
    let scratch = Scratch::new()?;
    Authority::new(scratch.path(), None)?.issue("client", "client", None)?;
    scratch.account().own_tree(scratch.path())?;
    run(scratch
        .account()
        .command("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(scratch.join("key")))?
    .success()?;
    let file = |name: &str| scratch.join(name).display().to_string();
    let (key, client, client_key, ca) = (
        file("key"),
        file("client.crt"),
        file("client.key"),
        file("ca.crt"),
    );
    let kinds: [&[(&str, &str)]; 3] = [
        &[
            ("host", "127.0.0.1"),
            ("host-type", "tls"),
            ("host-port", "PORT"),
            ("host-cert-file", &client),
            ("host-key-file", &client_key),
            ("host-ca-file", &ca),
        ],
        &[
            ("type", "sftp"),
            ("sftp-host", "127.0.0.1"),
            ("sftp-host-port", "PORT"),
            ("sftp-host-user", "u"),
            ("sftp-private-key-file", &key),
            ("sftp-host-key-hash-type", "sha256"),
        ],
        &[
            ("type", "s3"),
            ("s3-bucket", "b"),
            ("s3-endpoint", "127.0.0.1"),
            ("s3-uri-style", "path"),
            ("s3-region", "r"),
            ("s3-key", "k"),
            ("s3-key-secret", "s"),
            ("storage-port", "PORT"),
        ],
    ];
    for (number, kind) in kinds.iter().enumerate() {
        let mute = Mute::new()?;
        let mut made = Configuration::new(&scratch)?
            .global("log-level-file", "off")
            .global("io-timeout", "1")
            .global("protocol-timeout", "2")
            .global("db-timeout", "1")
            .stanza("main", "pg1-path", "/nowhere")
            .stanza("web", "pg1-path", "/nowhere");
        for (option, value) in *kind {
            let value = match *value {
                "PORT" => mute.address.port().to_string(),
                value => value.to_owned(),
            };
            made = made.global(&format!("repo1-{option}"), value);
        }
        let config = made.write(&scratch, &format!("{number}.conf"))?;
        let config = format!("--config={}", config.display());
        let mut counts = Vec::new();
        for command in ["info", "report"] {
            let before = mute.came.load(Ordering::SeqCst);
            let told = program.run([&config, command])?.success()?.stdout;
            counts.push(mute.came.load(Ordering::SeqCst) - before);
            if !["HostConnectError", "ServiceError"]
                .iter()
                .any(|code| told.contains(code))
            {
                return Err(format!("{command} does not tell of the host\n{told}").into());
            }
        }
        // How often one asking tries is a matter of time with SFTP; unless it is remembered the page asks four times.
        if counts[0] == 0 || counts[1] > 2 * counts[0] {
            return Err(format!("{kind:?}: came {counts:?} times for info and report").into());
        }
    }
    Ok(())
}
