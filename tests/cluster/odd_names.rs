//! Names with every character that means something to PostgreSQL's settings files, to its replacement of `%p`, to a shell or
//! to the configuration file: paths, stanza, restore point. A recovery that runs is the proof.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, same};

/// All characters that a file name can have and that stand for something somewhere.
const ODD: &str = "it's \"q\" $HOME `id` ;&|<>%p%f%%x (y)*?[z]{a,b}~#!\\n ü";
/// The same for a stanza: a colon would divide its section from a command.
const STANZA: &str = "o'stanza \"$HOME\" 50%f `id`;&\\!";
/// At most 63 bytes.
const POINT: &str = "it's \"50%\" \\n $HOME `id`; ü";

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for major in [12, 18] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("pg{major}_recovers_where_every_name_has_every_odd_character"),
            move || recovers(&program, major),
        );
    }
    let encoding = Arc::clone(program);
    suite = suite.test(
        "a_name_that_is_not_utf8_is_refused_and_never_replaced",
        move || refuses_other_encodings(&encoding),
    );
    let broken = Arc::clone(program);
    suite.test(
        "a_target_with_a_line_break_is_refused_before_anything_is_touched",
        move || refuses(&broken),
    )
}

/// A cluster whose configuration, repository, spool, program and stanza have odd names.
struct Odd {
    cluster: Cluster,
    program: PathBuf,
    config: PathBuf,
}

impl Odd {
    fn new(program: &Program, major: u32) -> Result<Self> {
        let cluster = Cluster::builder(major)
            .setting("archive_mode", "on")
            .create()?;
        let scratch = cluster.scratch();
        let odd = scratch.make_dir(ODD)?;
        let link = odd.join("pgbackrest");
        symlink(program.path(), &link)?;
        let mut made = Configuration::default()
            .global("repo1-retention-full", 9)
            .global("archive-timeout", 300)
            .global("archive-async", "y")
            .global(
                "spool-path",
                scratch.make_dir(format!("{ODD}/spool"))?.display(),
            )
            .global("start-fast", "y")
            .global("log-level-file", "detail")
            .cluster(STANZA, &cluster);
        for name in ["repo1-path", "lock-path", "log-path"] {
            let path = scratch.make_dir(format!("{ODD}/{name}"))?;
            made = made.global(name, path.display());
        }
        let config = made.write(scratch, &format!("{ODD}/pgbackrest.conf"))?;
        let words = [
            link.display().to_string(),
            format!("--config={}", config.display()),
            format!("--stanza={STANZA}"),
            "archive-push".to_owned(),
        ];
        let words: Vec<String> = words.iter().map(|word| single_quoted(word)).collect();
        let push = format!("{} \"%p\"", words.join(" ").replace('%', "%%"));
        cluster.append_setting("archive_command", &push)?;
        Ok(Self {
            cluster,
            program: link,
            config,
        })
    }

    fn command(&self) -> Command {
        let mut command = self.cluster.account().command(&self.program);
        command
            .arg(format!("--config={}", self.config.display()))
            .arg(format!("--stanza={STANZA}"));
        command
    }

    /// Options that must reach the `archive-get` of the restored server, whose cluster has an odd name too.
    fn restore(&self, arguments: &[String]) -> Result<PathBuf> {
        let scratch = self.cluster.scratch();
        let copy = scratch.make_dir(format!("{ODD}/copy {ODD}"))?;
        let spool = scratch.make_dir(format!("{ODD}/spool of the copy {ODD}"))?;
        let tablespaces = scratch.make_dir(format!("{ODD}/tablespaces {ODD}"))?;
        run(self
            .command()
            .arg(format!("--pg1-path={}", copy.display()))
            .arg(format!("--spool-path={}", spool.display()))
            .arg(format!("--tablespace-map-all={}", tablespaces.display()))
            .args(arguments)
            .arg("restore"))?
        .success()?;
        Ok(copy)
    }
}

/// One word for a shell, made in another way than the program makes it.
fn single_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn recovers(program: &Program, major: u32) -> TestResult {
    let odd = Odd::new(program, major)?;
    let cluster = &odd.cluster;
    run(odd.command().args(["--no-online", "stanza-create"]))?.success()?;
    cluster.start()?;
    // PostgreSQL itself refuses an apostrophe in the place of a tablespace.
    let place = cluster
        .scratch()
        .make_dir("tablespace \"$HOME\" `id` %p \\n")?;
    cluster.sql(&format!(
        "create tablespace \"t's\" location '{}'",
        place.display()
    ))?;
    cluster.sql("create table t (what text) tablespace \"t's\"")?;
    run(odd.command().args(["--type=full", "backup"]))?.success()?;
    cluster.sql("insert into t values ('before')")?;
    cluster.sql(&format!(
        "select pg_create_restore_point('{}')",
        POINT.replace('\'', "''")
    ))?;
    cluster.sql("insert into t values ('after')")?;
    let segment = cluster.sql("select pg_walfile_name(pg_switch_wal())")?;
    cluster.wait_for_sql(
        &format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver"),
        "t",
    )?;

    let copy = odd.restore(&[
        "--type=name".to_owned(),
        format!("--target={POINT}"),
        "--target-action=promote".to_owned(),
    ])?;
    let restored = started(major, &copy)?;
    same(
        "rows",
        "before",
        &restored.sql("select string_agg(what, ',') from t")?,
    )?;
    // The server writes the file anew, and reads it again.
    restored.sql("alter system set work_mem = '8MB'")?;
    restored.stop(StopMode::Fast)?;
    restored.start()?;
    same(
        "target",
        &format!("{POINT}/8MB"),
        &restored.sql(
            "select current_setting('recovery_target_name') || '/' || current_setting('work_mem')",
        )?,
    )?;
    restored.stop(StopMode::Fast)?;

    // All of the archive, into the same place, with a wrapper that has an odd name.
    let wrapper = cluster.scratch().write(
        format!("{ODD}/wrapper.sh"),
        format!(
            "#!/bin/sh\nexec {} \"$@\"\n",
            single_quoted(&odd.program.display().to_string())
        ),
    )?;
    make_executable(&wrapper)?;
    let copy = odd.restore(&["--delta".to_owned(), format!("--cmd={}", wrapper.display())])?;
    let restored = started(major, &copy)?;
    let all = restored.sql("select string_agg(what, ',') from t")?;
    same("rows", "before,after", &all)?;
    // Where it is no file but a command line, it is the shell's.
    restored.stop(StopMode::Fast)?;
    let line = format!(
        "env A=\"50%%\" {}",
        single_quoted(&odd.program.display().to_string().replace('%', "%%"))
    );
    let copy = odd.restore(&["--delta".to_owned(), format!("--cmd={line}")])?;
    let restored = started(major, &copy)?;
    let all = restored.sql("select string_agg(what, ',') from t")?;
    same("rows", "before,after", &all)
}

/// The restored server, when its recovery has ended.
fn started(major: u32, copy: &Path) -> Result<Cluster> {
    let restored = Cluster::at(major, copy, false)?;
    restored.start()?;
    restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
    Ok(restored)
}

fn make_executable(file: &Path) -> TestResult {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        file,
        std::fs::Permissions::from_mode(0o755),
    )?)
}

fn refuses(program: &Program) -> TestResult {
    let odd = Odd::new(program, 18)?;
    run(odd.command().args(["--no-online", "stanza-create"]))?.success()?;
    run(odd.command().args(["--no-online", "--type=full", "backup"]))?.success()?;
    let copy = odd.cluster.scratch().make_dir("copy")?;
    let outcome = run(odd
        .command()
        .arg(format!("--pg1-path={}", copy.display()))
        .args(["--type=name", "--target=a\nb", "restore"]))?
    .expect_code(27)?;
    let left = std::fs::read_dir(&copy)?.count();
    let said = "'recovery_target_name' setting cannot have a line break: 'a\\nb'";
    if left > 0 || !outcome.stdout.contains(said) {
        return Err(format!("{left} files\n{}", outcome.stdout).into());
    }
    Ok(())
}

/// A path in another encoding is never taken for one with replacement characters.
fn refuses_other_encodings(program: &Program) -> TestResult {
    let odd = Odd::new(program, 18)?;
    let path = [
        b"--pg1-path=",
        odd.cluster.scratch().path().as_os_str().as_bytes(),
        b"/\xff",
    ]
    .concat();
    let outcome =
        run(odd.command().arg(OsStr::from_bytes(&path)).arg("restore"))?.expect_code(32)?;
    let said = "/\\xff' is not UTF-8";
    let variable = run(odd
        .command()
        .env(
            "PGBACKREST_REPO1_CIPHER_PASS",
            OsStr::from_bytes(b"secret\xff"),
        )
        .arg("info"))?
    .expect_code(32)?;
    let variable = variable.stdout + &variable.stderr;
    if !outcome.stdout.contains(said)
        || !variable.contains("environment variable 'PGBACKREST_REPO1_CIPHER_PASS' is not UTF-8")
        || variable.contains("secret")
    {
        return Err(format!("{}\n{variable}", outcome.stdout).into());
    }
    Ok(())
}
