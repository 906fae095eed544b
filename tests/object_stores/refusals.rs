//! What a bucket refuses, and what is no bucket: the exit codes of both programs, and what the user is told.

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{BOTH, Stage, Who, must_have};
use crate::store::Store;

/// What is wrong, the options that make it so, the exit code, and what the message has.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], i32, &'a str);

pub(crate) fn codes(program: &Program, store: &Store) -> TestResult {
    let store = &Store {
        kind: store.strict,
        ..*store
    };
    let stage = Stage::new(program, store, &[])?;
    let (secret, wrong_secret) = store.secret;
    let other = pgkeep_testkit::object_server::ObjectServer::start(store.kind)?;
    let other = other.ca_file().display().to_string();
    let port = free_port()?;
    let at_port = format!("{}{port}", store.port.1);
    let cases: [Case; 6] = [
        (
            "a wrong secret",
            &[(secret, "bm90IHRoZSBzZWNyZXQ=")],
            wrong_secret,
            secret,
        ),
        (
            "a missing bucket",
            &[(store.bucket, "no-such-bucket")],
            39,
            store.bucket,
        ),
        (
            "another authority",
            &[("repo1-storage-ca-file", &other)],
            95,
            "ca-file",
        ),
        (
            "no authority",
            &[("repo1-storage-ca-file", "/nowhere")],
            95,
            "/nowhere",
        ),
        ("nobody there", &[(store.port.0, &at_port)], 49, &port),
        ("no address", &[(store.host, "a:b:c")], 29, store.host),
    ];
    for (what, changes, code, told) in cases {
        let mut changes = changes.to_vec();
        changes.push(("io-timeout", "1"));
        for who in BOTH {
            let listed = stage.changed(who, &changes, &["repo-ls"])?;
            let said = format!("{}{}", listed.stdout, listed.stderr);
            listed
                .expect_code(code)
                .map_err(|error| format!("{what}, {who:?}: {error}"))?;
            if who == Who::Ours {
                // Names of options in hints have no number.
                let told = told.replace("repo1-", "repo");
                must_have(
                    &said.replace("repo1-", "repo").replace("repo-", "repo"),
                    &told,
                )?;
                if said.contains("bm90IHRoZSBzZWNyZXQ") {
                    return Err(format!("{what}: the secret is told:\n{said}").into());
                }
            }
        }
    }
    // It can all be read where nothing is checked.
    stage
        .changed(
            Who::Ours,
            &[
                ("repo1-storage-ca-file", other.as_str()),
                ("repo1-storage-verify-tls", "n"),
            ],
            &["repo-ls"],
        )?
        .success()?;
    Ok(())
}

fn free_port() -> std::io::Result<String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port().to_string())
}
