//! Who is answered: over TLS whoever has the token, which comes from a file or from systemd, and others only on this host.

use std::net::TcpListener;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use super::stage::{Stage, ensure, lasting};

const TOKEN: &str = "5f1d2c3b4a59687766554433221100ff";
const OTHER_TOKEN: &str = "00112233445566778899aabbccddeeff";
const SECURED: &[(&str, &str)] = &[
    ("serve-cert-file", "SCRATCH/serve.crt"),
    ("serve-key-file", "SCRATCH/serve.key"),
    ("serve-token-file", "SCRATCH/token"),
];

pub fn secured(program: &Program) -> TestResult {
    let open = [SECURED, &[("serve-address", "*")]].concat();
    let stage = Stage::new(program, &open)?;
    stage.secure(TOKEN)?;
    let mut server = stage.start()?;
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    for headers in [String::new(), bearer(OTHER_TOKEN), bearer("")] {
        let refused = stage.get_by_tls("/metrics", &headers)?.expect(401)?;
        ensure(
            refused.head.contains("www-authenticate: basic"),
            &refused.head,
        )?;
        ensure(!refused.body.contains("pgbackrest_"), &refused.body)?;
    }
    let told = stage.get_by_tls("/metrics", &bearer(TOKEN))?.expect(200)?;
    ensure(
        told.of_the_command() == lasting(&stage.metrics()?),
        &told.body,
    )?;
    // Without TLS there is no answer at all.
    ensure(stage.get("/metrics").is_err(), "an answer without TLS")?;
    // A file that cannot be used changes nothing, one that can counts at once.
    stage.set_token("short")?;
    server.reload("the configuration was not reloaded")?;
    stage.get_by_tls("/health", &bearer(TOKEN))?.expect(200)?;
    stage.set_token(OTHER_TOKEN)?;
    server.reload("configuration reload end")?;
    stage.get_by_tls("/health", &bearer(TOKEN))?.expect(401)?;
    stage
        .get_by_tls("/health", &bearer(OTHER_TOKEN))?
        .expect(200)?;
    let words = std::fs::read(format!("/proc/{}/cmdline", server.id()))?;
    ensure(server.terminate()?.success(), "the server ended badly")?;
    let log = server.log()? + &String::from_utf8_lossy(&words);
    ensure(log.contains("its token is missing or wrong"), &log)?;
    let secret = [TOKEN, OTHER_TOKEN].iter().any(|token| log.contains(token));
    ensure(!secret, "a token is in the log")
}

/// What systemd gives a unit with `LoadCredential=serve-token:…`: a directory of its own, and in it a file of root that an access
/// control list opens for the user, which `ls` shows as rights of the group.
pub fn credential(program: &Program) -> TestResult {
    use std::os::unix::fs::PermissionsExt;
    let open = [&SECURED[..2], &[("serve-address", "*")]].concat();
    let stage = Stage::new(program, &open)?;
    stage.secure(OTHER_TOKEN)?;
    let directory = stage.scratch.make_dir("credentials")?;
    let account = stage.scratch.account();
    let put = |token: &str| -> TestResult {
        let file = stage.scratch.join("credentials/serve-token");
        std::fs::write(&file, format!("{token}\n"))?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o440))?;
        match rustix::process::geteuid().is_root() {
            true => std::os::unix::fs::chown(&file, Some(0), Some(account.gid()))?,
            // Without root it is as it is where the file system has no such lists.
            false => std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400))?,
        }
        Ok(())
    };
    put(TOKEN)?;
    let unit = |words: &[&str]| {
        let mut command = stage.command(words);
        command.env("CREDENTIALS_DIRECTORY", &directory);
        command
    };
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let answers = |token: &str, status: u16| -> TestResult {
        let headers = bearer(token);
        stage.get_by_tls("/health", &headers)?.expect(status)?;
        Ok(())
    };
    let mut server = stage.start_by(unit(&["serve"]))?;
    server.wait_for("listening on ")?;
    answers(TOKEN, 200)?;
    answers(OTHER_TOKEN, 401)?;
    ensure(server.terminate()?.success(), "the server ended badly")?;
    let log = server.log()?;
    ensure(!log.contains(TOKEN), "the token is in the log")?;
    // The option comes first.
    let file = stage.scratch.join("token").display().to_string();
    let mut server = stage.start_by(unit(&["--serve-token-file", &file, "serve"]))?;
    server.wait_for("listening on ")?;
    answers(OTHER_TOKEN, 200)?;
    answers(TOKEN, 401)?;
    ensure(server.terminate()?.success(), "the server ended badly")?;
    // One that is no token is not gone without.
    put("short")?;
    let mut server = stage.start_by(unit(&["serve"]))?;
    let ended = server.wait()?;
    let log = server.log()?;
    ensure(ended.code() == Some(42), &format!("{ended}: {log}"))?;
    ensure(log.contains("does not hold a token"), &log)?;
    // Without the credential other hosts are not answered.
    std::fs::remove_file(directory.join("serve-token"))?;
    let mut server = stage.start_by(unit(&["serve"]))?;
    let ended = server.wait()?;
    let log = server.log()?;
    ensure(ended.code() == Some(37), &format!("{ended}: {log}"))?;
    ensure(log.contains("serve-token-file, as other hosts"), &log)
}

pub fn refused(program: &Program) -> TestResult {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new(program, &[])?;
    stage.secure(TOKEN)?;
    let option =
        |name: &str, file: &str| format!("--{name}={}", stage.scratch.join(file).display());
    let (certificate, key, token) = (
        option("serve-cert-file", "serve.crt"),
        option("serve-key-file", "serve.key"),
        option("serve-token-file", "token"),
    );
    let refuse = |words: &[&str], code, told: &str| -> TestResult {
        let outcome = stage.refused(words, code)?;
        let printed = outcome.stdout + &outcome.stderr;
        ensure(
            printed.contains(told) && printed.contains("HINT: "),
            &printed,
        )
    };
    let everywhere = "--serve-address=*";
    refuse(
        &[everywhere],
        37,
        "serve-cert-file, as other hosts reach address 0.0.0.0:",
    )?;
    refuse(&[everywhere, &token], 37, "serve-cert-file, as other hosts")?;
    refuse(
        &[everywhere, &certificate, &key],
        37,
        "serve-token-file, as other hosts",
    )?;
    refuse(&[&certificate], 37, "requires option: serve-key-file")?;
    std::fs::set_permissions(
        stage.scratch.join("token"),
        std::fs::Permissions::from_mode(0o644),
    )?;
    refuse(&[&token], 42, "token file")?;
    let _taken = TcpListener::bind(("127.0.0.1", stage.port))?;
    refuse(&[], 41, "unable to bind socket: [98]")
}
