//! Every command from both hosts, and pgBackRest finds the repository whole.

use std::path::Path;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{Host, Options, Stage};
use crate::{Result, Test, tls};

pub const TESTS: &[(&str, Test)] = &[
    (
        "a_stanza_lives_on_two_hosts_and_pgbackrest_finds_it_whole",
        plain,
    ),
    (
        "a_stanza_lives_on_two_hosts_encrypted_bundled_in_blocks_and_archived_asynchronously",
        encrypted,
    ),
    ("a_stanza_lives_on_two_hosts_connected_by_tls", by_tls),
];

const MAJOR: u32 = 17;

fn plain(program: &Program) -> TestResult {
    life(program, (&[], &[]))
}

/// Encrypted as well, since keys travel another way than in the other tests: the server decides who gets one.
fn by_tls(program: &Program) -> TestResult {
    let options: (Options<'_>, Options<'_>) = (
        &[("compress-type", "zst")],
        &[
            ("compress-type", "zst"),
            ("repo1-bundle", "y"),
            ("repo1-cipher-type", "aes-256-cbc"),
            ("repo1-cipher-pass", "hush hush"),
        ],
    );
    let mut stage = Stage::with_cluster(program, Cluster::builder(MAJOR), options)?;
    let _servers = tls::connect(&mut stage, ("tls-server-auth", "pg=main"))?;
    live(&stage)
}

fn encrypted(program: &Program) -> TestResult {
    life(
        program,
        (
            &[
                ("archive-async", "y"),
                ("compress-type", "zst"),
                ("process-max", "2"),
                ("repo1-bundle", "y"),
                ("repo1-block", "y"),
            ],
            &[
                ("compress-type", "lz4"),
                ("process-max", "2"),
                ("repo1-bundle", "y"),
                ("repo1-block", "y"),
                ("repo1-cipher-type", "aes-256-cbc"),
                ("repo1-cipher-pass", "hush hush"),
            ],
        ),
    )
}

fn life(program: &Program, options: (Options<'_>, Options<'_>)) -> TestResult {
    live(&Stage::with_cluster(
        program,
        Cluster::builder(MAJOR),
        options,
    )?)
}

fn live(stage: &Stage<'_>) -> TestResult {
    let cluster = stage.cluster()?;
    // From either side; the second finds what the first has made.
    stage.run(Host::Repo, &["stanza-create"])?;
    stage.run(Host::Pg, &["stanza-create"])?;
    stage.run(Host::Repo, &["check"])?;
    stage.run(Host::Pg, &["check"])?;

    cluster.sql("create table t as select n from generate_series(1, 20000) n")?;
    stage.run(Host::Repo, &["--type=full", "backup"])?;
    cluster.sql("update t set n = n + 1 where n % 100 = 0")?;
    stage.run(
        Host::Pg,
        &["--type=incr", "--start-fast", "--no-expire-auto", "backup"],
    )?;
    cluster.sql("insert into t select n from generate_series(1, 500) n")?;
    stage.run(Host::Repo, &["--type=diff", "backup"])?;
    cluster.sql("insert into t select n from generate_series(1, 7) n")?;
    stage.run(Host::Pg, &["check"])?;

    let infos = [Host::Pg, Host::Repo].map(|host| {
        stage
            .run(host, &["--output=json", "info"])
            .map(|said| said.stdout)
    });
    let [of_pg, of_repo] = infos;
    let (of_pg, of_repo) = (of_pg?, of_repo?);
    if of_pg != of_repo || of_pg.matches("\"label\"").count() != 3 {
        return Err(format!("info differs:\n{of_pg}\n{of_repo}").into());
    }
    for host in [Host::Pg, Host::Repo] {
        let verified = stage.run(host, &["--output=text", "--verbose", "verify"])?;
        if !verified.stdout.contains("status: ok") {
            return Err(format!("{host:?}: {}", verified.stdout).into());
        }
        let listed = stage.run(host, &["repo-ls", "backup/main"])?.stdout;
        if listed.lines().filter(|line| line.ends_with('F')).count() != 1 {
            return Err(format!("{host:?}: {listed}").into());
        }
        let told = stage.metrics(host)?;
        let of = "{repo_key=\"1\",stanza=\"main\"}";
        for sample in [
            "pgbackrest_stanza_status{stanza=\"main\"} 0".to_owned(),
            format!("pgkeep_repo_wal_gaps{of} 0"),
            format!("pgkeep_repo_restorable_timestamp_seconds{of} "),
        ] {
            if !told.lines().any(|line| line.starts_with(&sample)) {
                return Err(format!("{host:?}: no {sample}\n{told}").into());
            }
        }
    }
    for host in [Host::Pg, Host::Repo] {
        let doctor = stage.doctor(host)?;
        if doctor.contains("FAIL:") || !doctor.contains("in order") {
            return Err(format!("doctor of {host:?}: {doctor}").into());
        }
    }
    let label = listed_label(stage)?;
    stage.run(
        Host::Pg,
        &[
            &format!("--set={label}"),
            "--annotation=from=pg",
            "annotate",
        ],
    )?;

    let expected = cluster.dump()?;
    let copy = stage.scratch.join("ours");
    stage.run(
        Host::Pg,
        &[&format!("--pg1-path={}", copy.display()), "restore"],
    )?;
    must_have(&copy, &expected)?;
    by_pgbackrest(stage, &expected)?;

    stage.run(Host::Pg, &["--repo1-retention-full=1", "expire"])?;
    stage.run(Host::Repo, &["expire"])?;
    // Stanza by stanza goes: stopped where the command runs only.
    cluster.stop(pgkeep_testkit::cluster::StopMode::Fast)?;
    stage.run(Host::Pg, &["stop"])?;
    stage.run(Host::Pg, &["--repo=1", "stanza-delete"])?;
    let left = stage.run(Host::Repo, &["repo-ls", "backup"])?.stdout;
    if !left.trim().is_empty() {
        return Err(format!("left after stanza-delete: {left}").into());
    }
    stage.nothing_left()
}

fn listed_label(stage: &Stage<'_>) -> Result<String> {
    let listed = stage.run(Host::Pg, &["repo-ls", "backup/main"])?.stdout;
    let label = listed.lines().find(|line| line.ends_with('F'));
    Ok(label.ok_or("no full backup is listed")?.to_owned())
}

/// Starts what was restored, and it has these rows.
fn must_have(directory: &Path, expected: &str) -> TestResult {
    let restored = Cluster::at(MAJOR, directory, false)?;
    restored.start()?;
    restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
    if restored.dump()? != expected {
        return Err(format!("{} has other rows", directory.display()).into());
    }
    Ok(())
}

/// pgBackRest on the host of the repository verifies and restores what was written.
fn by_pgbackrest(stage: &Stage<'_>, expected: &str) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let copy = stage.scratch.make_dir("theirs")?;
    // The repository's own configuration without the other host.
    let text = std::fs::read_to_string(stage.config(Host::Repo))?;
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("pg1-") && !line.starts_with("repo1-retention"))
        .map(|line| format!("{line}\n"))
        .collect();
    let text = format!("{text}pg1-path={}\n", copy.display());
    let config = stage.scratch.write("theirs.conf", text)?;
    let config = format!("--config={}", config.display());
    let verified = pgbackrest
        .run([
            &*config,
            "--stanza=main",
            "--output=text",
            "--verbose",
            "verify",
        ])?
        .success()?;
    if !verified.stdout.contains("status: ok") {
        return Err(format!("pgBackRest does not find it whole: {}", verified.stdout).into());
    }
    pgbackrest
        .run([&*config, "--stanza=main", "restore"])?
        .success()?;
    must_have(&copy, expected)
}
