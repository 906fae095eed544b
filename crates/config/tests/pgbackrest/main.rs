//! The same words, files and environment for pgBackRest and for us: messages, codes and begin lines must be the same.
//!
//! pgBackRest goes on to run the command, which fails for lack of a cluster; compared is what it printed until the configuration was
//! accepted. Ignored where pgBackRest is not installed.

// The suite starts programs and reads files on purpose.
#![allow(clippy::disallowed_methods)]

mod cases;

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use pgkeep_config::command::{BeginLevel, Role};
use pgkeep_config::{Config, ConfigError, ConfigFiles, Input, Loaded, Phase, Program, load};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::run;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

/// The files of this machine.
struct RealFiles;

impl ConfigFiles for RealFiles {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn home(&self) -> Option<String> {
        None
    }
}

/// What was said: environment and words.
struct Said<'a> {
    environment: Vec<(String, String)>,
    words: Vec<&'a str>,
}

impl<'a> Said<'a> {
    /// Words, with an environment that makes the log comparable and keeps the run away from the machine's own files.
    fn new(words: &'a str, environment: &[(&str, &str)], scratch: &Path) -> Self {
        let place = |name: &str| scratch.join(name).to_string_lossy().into_owned();
        let mut all: Vec<(String, String)> = [
            ("LOG_LEVEL_CONSOLE", "info".to_owned()),
            ("LOG_LEVEL_FILE", "off".to_owned()),
            ("LOG_TIMESTAMP", "n".to_owned()),
            ("LOCK_PATH", place("lock")),
            ("IO_TIMEOUT", "100ms".to_owned()),
            ("ARCHIVE_TIMEOUT", "100ms".to_owned()),
            ("SPOOL_PATH", place("spool")),
        ]
        .into_iter()
        .map(|(name, value)| (format!("PGBACKREST_{name}"), value))
        .collect();
        all.extend(
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Said {
            environment: all,
            words: words.split_whitespace().collect(),
        }
    }
}

/// Exit code, standard output and standard error.
#[derive(Default)]
struct Printed {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Printed {
    fn add(&mut self, level: &str, message: &str) {
        let _ = writeln!(
            self.stdout,
            "P00 {level:>6}: {}",
            message.replace('\n', "\n            ")
        );
    }

    fn fail(&mut self, error: &ConfigError) {
        self.code = i32::from(error.code);
        for warning in &error.warnings {
            self.add("WARN", warning);
        }
        let text = format!("[{:03}]: {error}", error.code);
        if error.phase == Phase::CommandLine {
            let _ = writeln!(self.stderr, "ERROR: {}", text.replace('\n', "\n       "));
        } else {
            self.add("ERROR", &text);
        }
    }
}

/// What we print until the configuration is accepted.
fn ours(said: &Said<'_>, pgbackrest: &PgBackRest) -> Printed {
    let program = pgbackrest.path().to_string_lossy().into_owned();
    let input = Input {
        program: Program::PgBackRest,
        args: std::iter::once(program)
            .chain(said.words.iter().map(|word| (*word).to_owned()))
            .collect(),
        environment: said.environment.clone(),
        files: &RealFiles,
        uid: 100,
        exec_id: "X".to_owned(),
    };
    let mut printed = Printed::default();
    let result = load(&input).and_then(|loaded| {
        show(&mut printed, &loaded);
        printed_begin(&mut printed, &loaded.config, pgbackrest.version());
        loaded.config.check()
    });
    match result {
        Ok(checked) => show(&mut printed, &checked),
        Err(error) => printed.fail(&error),
    }
    printed
}

fn show(printed: &mut Printed, loaded: &Loaded) {
    for warning in &loaded.warnings {
        printed.add("WARN", warning);
    }
}

fn printed_begin(printed: &mut Printed, config: &Config, version: &str) {
    let quiet = config.is_help()
        || config.role() != Role::Main
        || config.command().definition().log_level_default == BeginLevel::Debug;
    if quiet {
        return;
    }
    let parameters = config.begin_line_parameters();
    let space = if parameters.is_empty() { "" } else { " " };
    let dry_run = if config.boolean(pgkeep_config::option::DRY_RUN) {
        "[DRY-RUN] "
    } else {
        ""
    };
    let line = format!(
        "{dry_run}{} command begin {version}:{space}{parameters} {}",
        config.command_role_name(),
        config.begin_line_options()
    );
    printed.add("INFO", &line);
}

/// What pgBackRest prints, without what belongs to the run that follows.
fn theirs(said: &Said<'_>, pgbackrest: &PgBackRest) -> pgkeep_testkit::Result<Printed> {
    let mut command = pgbackrest.command();
    command
        .args(&said.words)
        .envs(said.environment.iter().map(|(name, value)| (name, value)));
    let outcome = run(&mut command)?;
    let mut stdout = String::new();
    for line in outcome.stdout.lines() {
        if line.contains(" command end: ") || line.is_empty() {
            continue;
        }
        let (before, id) = line.split_once("--exec-id=").unwrap_or((line, ""));
        let after = id
            .split_once(' ')
            .map_or("", |(id, after)| if id.contains('-') { after } else { id });
        let shown = if id.is_empty() {
            line.to_owned()
        } else {
            format!("{before}--exec-id=X {after}")
        };
        let _ = writeln!(stdout, "{}", shown.trim_end());
    }
    Ok(Printed {
        code: outcome.code,
        stdout,
        stderr: outcome.stderr,
    })
}

/// Ours must be where theirs begins; an error of ours must be all there is.
fn differs(ours: &Printed, theirs: &Printed) -> bool {
    if ours.code == 0 {
        // 30 to 32 and 48 would be a refusal that we do not make; commands themselves have some of these, too.
        !theirs.stdout.starts_with(&ours.stdout) || theirs.code == 30 || theirs.code == 48
    } else {
        ours.code != theirs.code || ours.stdout != theirs.stdout || ours.stderr != theirs.stderr
    }
}

fn compare<'a>(all: impl Iterator<Item = Said<'a>>) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let mut differences = String::new();
    let mut count = 0;
    for said in all {
        let (ours, theirs) = (ours(&said, &pgbackrest), theirs(&said, &pgbackrest)?);
        count += 1;
        if differs(&ours, &theirs) {
            let _ = writeln!(
                differences,
                "== {:?}\n-- pgbackrest {}\n{}{}-- ours {}\n{}{}",
                said.words,
                theirs.code,
                theirs.stdout,
                theirs.stderr,
                ours.code,
                ours.stdout,
                ours.stderr
            );
        }
    }
    if count == 0 {
        return Err("nothing was compared".into());
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences.into())
    }
}

fn main() -> ExitCode {
    Suite::new("pgbackrest")
        .test("words_mean_what_they_mean_to_pgbackrest", || {
            let scratch = Scratch::new()?;
            compare(
                cases::WORDS
                    .iter()
                    .map(|words| Said::new(words, &[], scratch.path())),
            )
        })
        .test("files_mean_what_they_mean_to_pgbackrest", || {
            let scratch = Scratch::new()?;
            let mut all = Vec::new();
            for (position, (text, words)) in cases::FILES.iter().enumerate() {
                let file = scratch.join(format!("{position}.conf"));
                std::fs::write(&file, text)?;
                all.push((file.to_string_lossy().into_owned(), *words));
            }
            compare(all.iter().map(|(file, words)| {
                Said::new(
                    words,
                    &[("PGBACKREST_CONFIG", file.as_str())],
                    scratch.path(),
                )
            }))
        })
        .test("environment_means_what_it_means_to_pgbackrest", || {
            let scratch = Scratch::new()?;
            compare(
                cases::ENVIRONMENTS
                    .iter()
                    .map(|(environment, words)| Said::new(words, environment, scratch.path())),
            )
        })
        .run()
}
