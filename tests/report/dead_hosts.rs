//! Repositories whose hosts do not answer: they are asked at the same time, so that together they cost what one costs.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pgkeep_testkit::authority::Authority;
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use super::stage::Result;

/// Longest wait for all to be asked: less than after which a host is given up.
const PATIENCE: Duration = Duration::from_secs(50);

type Test = fn(&Program) -> TestResult;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let tests: [(&str, Test); 2] = [
        (
            "repositories_that_do_not_answer_are_asked_at_the_same_time",
            repositories,
        ),
        (
            "stanzas_whose_repositories_do_not_answer_are_read_at_the_same_time",
            stanzas,
        ),
    ];
    tests.into_iter().fold(suite, |suite, (name, test)| {
        let program = Arc::clone(program);
        suite.test(name, move || test(&program))
    })
}

/// Hosts that say nothing until all of them have been asked, and then nothing that anybody understands.
struct Hosts {
    addresses: Vec<SocketAddr>,
    asked: JoinHandle<std::result::Result<usize, String>>,
}

impl Hosts {
    fn new(count: usize) -> Result<Self> {
        let hosts: Vec<TcpListener> = (0..count)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect::<std::io::Result<_>>()?;
        let addresses = hosts
            .iter()
            .map(TcpListener::local_addr)
            .collect::<std::io::Result<_>>()?;
        for host in &hosts {
            host.set_nonblocking(true)?;
        }
        let asked = std::thread::spawn(move || answer(&hosts).map_err(|error| error.to_string()));
        Ok(Self { addresses, asked })
    }

    /// How many have been asked at the same time.
    fn asked(self) -> Result<usize> {
        Ok(self.asked.join().map_err(|_| "a host has panicked")??)
    }
}

/// Waits for a client of each host. Returns how many there were at most.
fn answer(hosts: &[TcpListener]) -> std::io::Result<usize> {
    let until = Instant::now() + PATIENCE;
    let mut waiting: Vec<Vec<TcpStream>> = hosts.iter().map(|_| Vec::new()).collect();
    let mut most = 0;
    while most < hosts.len() && Instant::now() < until {
        for (host, clients) in hosts.iter().zip(&mut waiting) {
            match host.accept() {
                Ok((client, _)) => {
                    client.set_nonblocking(true)?;
                    clients.push(client);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            clients.retain(is_there);
        }
        most = most.max(waiting.iter().filter(|all| !all.is_empty()).count());
        std::thread::sleep(Duration::from_millis(5));
    }
    for client in waiting.iter_mut().flatten() {
        // It may have gone.
        let _ = client.write_all(b"what?\r\n");
    }
    Ok(most)
}

/// Whoever has given up has closed its side.
fn is_there(client: &TcpStream) -> bool {
    let mut said = [0; 1];
    match client.peek(&mut said) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// A configuration in which these repositories are on the hosts: section, key of the repository.
struct Place {
    scratch: Scratch,
    hosts: Hosts,
    config: String,
}

impl Place {
    fn new(repositories: &[(&str, u32)]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let hosts = Hosts::new(repositories.len())?;
        let authority = Authority::new(scratch.path(), None)?;
        authority.issue("client", "client", None)?;
        scratch.account().own_tree(scratch.path())?;
        let file = |name: &str| scratch.join(name).display().to_string();
        let mut made = Configuration::new(&scratch)?
            .global("log-level-file", "off")
            .stanza("main", "pg1-path", "/nowhere")
            .stanza("web", "pg1-path", "/nowhere");
        for ((section, number), address) in repositories.iter().zip(&hosts.addresses) {
            for (option, value) in [
                ("host", address.ip().to_string()),
                ("host-type", "tls".to_owned()),
                ("host-port", address.port().to_string()),
                ("host-cert-file", file("client.crt")),
                ("host-key-file", file("client.key")),
                ("host-ca-file", file("ca.crt")),
            ] {
                let option = format!("repo{number}-{option}");
                made = match *section {
                    "global" => made.global(&option, value),
                    stanza => made.stanza(stanza, &option, value),
                };
            }
        }
        let config = made.write(&scratch, "test.conf")?;
        let config = format!("--config={}", config.display());
        Ok(Self {
            scratch,
            hosts,
            config,
        })
    }

    /// What a command prints; all hosts must have been asked at the same time.
    fn asks_all(self, program: &Program, words: &[&str]) -> Result<String> {
        let wanted = self.hosts.addresses.len();
        let outcome = program.run([&[self.config.as_str()], words].concat())?;
        let asked = self.hosts.asked()?;
        drop(self.scratch);
        let printed = outcome.success()?.stdout;
        match asked == wanted {
            true => Ok(printed),
            false => {
                Err(format!("{words:?}: {asked} of {wanted} hosts at a time\n{printed}").into())
            }
        }
    }
}

/// An error unless the parts follow each other in the text.
fn in_order(text: &str, parts: &[&str]) -> TestResult {
    let mut rest = text;
    for part in parts {
        let (_, after) = rest
            .split_once(part)
            .ok_or_else(|| format!("'{part}' is not behind the others of {parts:?} in\n{text}"))?;
        rest = after;
    }
    Ok(())
}

fn repositories(program: &Program) -> TestResult {
    let both = [("global", 1), ("global", 2)];
    for (words, parts) in [
        (
            &["--stanza=main", "info"][..],
            ["stanza: main", "repo1: error", "repo2: error"],
        ),
        (
            &["metrics"],
            [
                "pgbackrest_repo_status{",
                "repo_key=\"1\"",
                "repo_key=\"2\"",
            ],
        ),
        (
            &["--stanza=main", "--no-report-doctor", "report"],
            ["Stanza main", "repo1", "repo2"],
        ),
    ] {
        in_order(&Place::new(&both)?.asks_all(program, words)?, &parts)?;
    }
    Ok(())
}

fn stanzas(program: &Program) -> TestResult {
    let own = [("main", 1), ("web", 1)];
    let place = Place::new(&own)?;
    let page = place.asks_all(program, &["--no-report-doctor", "report"])?;
    in_order(&page, &["Stanza main", "Stanza web"])
}
