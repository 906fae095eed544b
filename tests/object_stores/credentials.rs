//! Credentials of S3 that are asked for when they are needed, and are not there: both programs end with the same code, and
//! nothing of what was given is told.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::must_have;

pub(crate) fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "s3_missing_credentials_end_with_the_code_of_pgbackrest",
        move || codes(&program),
    )
}

/// What is in every answer and must be in no error.
const SECRET: &str = "secret-of-the-platform";

/// Where keys come from.
enum From<'a> {
    /// The program and its arguments.
    Process(&'a [&'a str]),
    /// The status and the body of who is asked; `None`: nobody is there.
    Pod(Option<(&'a str, &'a str)>),
    /// The token's file is not there.
    WebWithoutToken,
}

fn codes(program: &Program) -> TestResult {
    // The first release that knows all of them.
    let pgbackrest = PgBackRest::rolling()?;
    let scratch = Scratch::new()?;
    let fields = format!(r#"{{"SecretAccessKey":"{SECRET}"}}"#);
    let print = format!("echo {SECRET}; echo no luck >&2; exit 3");
    let cases = [
        (From::Process(&["sh", "-c", &print]), 125, "no luck"),
        (From::Process(&["/nowhere/keys"]), 102, "/nowhere/keys"),
        (From::Process(&["echo", SECRET]), 99, "no JSON"),
        (From::Process(&["echo", &fields]), 29, "has no Expiration"),
        (From::WebWithoutToken, 55, "/nowhere/token"),
        (
            From::Pod(None),
            49,
            "HINT: is a role associated with the pod",
        ),
        (From::Pod(Some(("403 Forbidden", "no"))), 39, "403"),
        (From::Pod(Some(("200 OK", SECRET))), 99, "no JSON"),
        (
            From::Pod(Some(("200 OK", &fields))),
            29,
            "has no Expiration",
        ),
    ];
    for (number, (from, code, told)) in cases.iter().enumerate() {
        for mut command in [program.as_pgbackrest(), pgbackrest.command()] {
            let ours = command.get_program() == program.as_pgbackrest().get_program();
            let environment = configure(&scratch, from)?;
            command.envs(environment);
            let outcome = run(command
                .arg(format!("--config={}", scratch.join("keys.conf").display()))
                .args(["--stanza=main", "repo-ls"]))?;
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            outcome
                .expect_code(*code)
                .map_err(|error| format!("case {number}, {command:?}: {error}"))?;
            if ours {
                must_have(&said, told)?;
                must_have(
                    &said,
                    if *code == 29 || *code == 99 {
                        told
                    } else {
                        "HINT"
                    },
                )?;
                assert!(!said.contains(SECRET), "case {number}: {said}");
            }
        }
    }
    Ok(())
}

/// Writes the configuration; hands back what the platform sets.
fn configure(scratch: &Scratch, from: &From<'_>) -> crate::Result<Vec<(&'static str, String)>> {
    let kind = match from {
        From::Process(_) => "process",
        From::Pod(_) => "pod-id",
        From::WebWithoutToken => "web-id",
    };
    let config = Configuration::new(scratch)?
        .global("repo1-type", "s3")
        .global("repo1-s3-bucket", "b")
        .global("repo1-s3-region", "r")
        .global("repo1-s3-endpoint", "localhost")
        .global("repo1-storage-port", free_port()?)
        .global("repo1-s3-key-type", kind)
        .global("io-timeout", 1)
        .global("log-level-console", "warn")
        .stanza("main", "pg1-path", "/nowhere");
    let mut text = config.text();
    let mut environment = Vec::new();
    match from {
        From::Process(command) => {
            let words = command
                .iter()
                .map(|word| format!("repo1-s3-process-cmd={word}\n"));
            let words: String = words.collect();
            text = text.replacen("[global]\n", &format!("[global]\n{words}"), 1);
        }
        From::Pod(answer) => {
            let at = match answer {
                Some((status, body)) => serve(status, body)?,
                None => free_port()?,
            };
            let token = scratch.write("token", SECRET)?;
            let server = format!("http://127.0.0.1:{at}/v1/credentials");
            environment.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", server));
            environment.push((
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                token.display().to_string(),
            ));
        }
        From::WebWithoutToken => {
            environment.push(("AWS_ROLE_ARN", "arn:aws:iam::1:role/x".to_owned()));
            let file = "/nowhere/token".to_owned();
            environment.push(("AWS_WEB_IDENTITY_TOKEN_FILE", file));
        }
    }
    scratch.write("keys.conf", text)?;
    Ok(environment)
}

/// Answers every request alike for as long as the test runs.
fn serve(status: &str, body: &str) -> std::io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut some = [0; 1024];
            while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                match client.read(&mut some) {
                    Ok(read @ 1..) => head.extend_from_slice(&some[..read]),
                    _ => break,
                }
            }
            let _ = client.write_all(answer.as_bytes());
        }
    });
    Ok(port)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
