//! What a client by TLS may not do: its rights are the server's, whatever it asks for.

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{Host, Stage};
use crate::{Test, tls};

pub const TESTS: &[(&str, Test)] = &[
    ("a_client_that_may_push_can_do_nothing_else", push),
    ("a_client_that_may_get_changes_nothing", get),
    (
        "a_client_that_may_do_everything_with_a_stanza_reaches_no_other",
        admin,
    ),
];

const SEGMENT: &str = "000000010000000000000001";

/// The rights of the host of the cluster, an encrypted repository with a backup, and a segment that is not archived.
fn stage<'a>(
    program: &'a Program,
    rights: &str,
) -> Result<(Stage<'a>, tls::Servers, String), Box<dyn std::error::Error>> {
    let mut stage = Stage::at_rest(program)?;
    stage.set(Host::Repo, "repo1-cipher-type", "aes-256-cbc")?;
    stage.set(Host::Repo, "repo1-cipher-pass", "hush hush")?;
    let servers = tls::connect(&mut stage, ("tls-server-rights", rights))?;
    stage.run(Host::Repo, &["--no-online", "stanza-create"])?;
    stage.run(Host::Repo, &["--no-online", "--type=full", "backup"])?;
    let path = stage.scratch.write(
        format!("data/pg_wal/{SEGMENT}"),
        DataDirBuilder::new("15")?.wal_segment(1),
    )?;
    stage.scratch.account().own_tree(&path)?;
    let path = path.display().to_string();
    Ok((stage, servers, path))
}

const DENIED: &str = "access denied";

fn push(program: &Program) -> TestResult {
    let (stage, _servers, segment) = stage(program, "pg=main:push")?;
    stage.run(Host::Pg, &["archive-push", &segment])?;
    // A history file is archived again when a standby is promoted; another of that name is refused.
    let history = stage
        .scratch
        .write("data/pg_wal/00000002.history", "1\t0/1000000\tno\n")?;
    stage.scratch.account().own_tree(&history)?;
    let shown = history.display().to_string();
    stage.run(Host::Pg, &["archive-push", &shown])?;
    stage.run(Host::Pg, &["archive-push", &shown])?;
    std::fs::write(&history, "1\t0/2000000\tforged\n")?;
    let other = "00000002.history' already exists with other content";
    stage.fails(Host::Pg, &["archive-push", &shown], 45, other)?;
    let to = stage.scratch.join("got").display().to_string();
    stage.fails(Host::Pg, &["archive-get", SEGMENT, &to], 103, DENIED)?;
    let info = stage.run(Host::Pg, &["info"])?;
    if !info.stdout.contains(DENIED) {
        return Err(info.stdout.into());
    }
    stage.fails(Host::Pg, &["restore", "--delta"], 75, DENIED)?;
    for words in [
        &["--no-online", "backup"][..],
        &["expire"],
        &["verify"],
        &["repo-ls"],
        &["--raw", "repo-get", "archive/main/archive.info"],
        &["repo-rm", "archive/main/archive.info"],
        &["--no-online", "stanza-create"],
    ] {
        stage.fails(Host::Pg, words, 105, DENIED)?;
    }
    tls::wait_for(&stage, Host::Repo, "client 'pg' at 127.0.0.1:")?;
    tls::wait_for(
        &stage,
        Host::Repo,
        " refused: reading needs the right 'get'",
    )?;
    // All is where it was.
    stage.run(Host::Repo, &["verify"])?;
    let listed = stage.run(Host::Repo, &["--recurse", "repo-ls", "archive/main"])?;
    match listed.stdout.contains(SEGMENT) {
        true => Ok(()),
        false => Err(format!("the segment is not there: {}", listed.stdout).into()),
    }
}

fn get(program: &Program) -> TestResult {
    let (stage, _servers, segment) = stage(program, "pg=main:get")?;
    let copy = stage.scratch.join("copy");
    let copy = format!("--pg1-path={}", copy.display());
    stage.run(Host::Pg, &[&copy, "--type=none", "restore"])?;
    let info = stage.run(Host::Pg, &["info"])?;
    if !info.stdout.contains("status: ok") || !info.stdout.contains("aes-256-cbc") {
        return Err(info.stdout.into());
    }
    stage.fails(Host::Pg, &["archive-push", &segment], 103, DENIED)?;
    for words in [
        &["--no-online", "backup"][..],
        &["expire"],
        &["repo-rm", "archive/main/archive.info"],
        &["--no-online", "stanza-create"],
    ] {
        stage.fails(Host::Pg, words, 105, DENIED)?;
    }
    stage.run(Host::Repo, &["verify"])?;
    Ok(())
}

/// As pgBackRest's `tls-server-auth` gives it.
fn admin(program: &Program) -> TestResult {
    let (stage, _servers, segment) = stage(program, "pg=main:admin")?;
    let other = stage.directory(Host::Repo, "repo/backup/other");
    std::fs::create_dir_all(&other)?;
    std::fs::write(other.join("secret"), "of another stanza")?;
    stage.scratch.account().own_tree(&other)?;
    stage.run(Host::Pg, &["archive-push", &segment])?;
    stage.run(Host::Pg, &["--no-online", "--type=full", "backup"])?;
    stage.run(Host::Pg, &["--repo1-retention-full=1", "expire"])?;
    stage.run(Host::Pg, &["verify"])?;
    let listed = stage.run(Host::Pg, &["repo-ls", "backup"])?.stdout;
    if listed.trim() != "main" {
        return Err(format!("it sees {listed}").into());
    }
    for words in [
        &["repo-ls", "backup/other"][..],
        &["--raw", "repo-get", "backup/other/secret"],
        &["repo-rm", "backup/other/secret"],
        &["--recurse", "repo-ls"],
    ] {
        stage.fails(Host::Pg, words, 105, DENIED)?;
    }
    // All stanzas at once are more than the client may ask for. It is told where the reason is.
    let all = stage.of_no_stanza(Host::Pg, &["info"])?.stdout;
    if !all.contains(DENIED) || !all.contains("HINT: the log of the server on that host") {
        return Err(all.into());
    }
    // What the writing of doctor at the root of the repository comes to is no fault.
    let doctor = stage.doctor(Host::Pg)?;
    if !doctor.contains("may not write beside") || doctor.contains(DENIED) {
        return Err(doctor.into());
    }
    stage.run(Host::Pg, &["stop"])?;
    stage.run(Host::Pg, &["--force", "--repo=1", "stanza-delete"])?;
    if !other.join("secret").exists() {
        return Err("a file of another stanza is gone".into());
    }
    Ok(())
}
