//! Round trips of whole commands, counted and not timed.
//!
//! The program says at `debug` how many it took: requests that went out while no answer was waited for.

use std::time::Duration;

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::line_proxy::Line;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::refused::CREATE;
use crate::stage::Stage;
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "a_synchronous_push_takes_at_most_eight_round_trips_after_login",
        push,
    ),
    (
        "a_backup_in_which_nothing_changed_does_not_grow_with_the_files",
        nothing_changed,
    ),
    (
        "commands_on_a_far_server_take_few_round_trips_one_after_the_other",
        far,
    ),
    (
        "every_command_makes_one_connection_on_a_near_server",
        one_connection,
    ),
];

struct Took {
    rounds: usize,
    connections: usize,
    log: String,
}

/// Runs a command and reads what it says it took.
fn count(stage: &Stage<'_>, arguments: &[&str]) -> Result<Took> {
    let outcome = stage
        .outcome_with(&[("log-level-console", "debug")], arguments)?
        .success()?;
    let lines: Vec<&str> = outcome
        .stdout
        .lines()
        .filter_map(|line| line.split_once("SFTP server 127.0.0.1:"))
        .map(|(_, rest)| rest)
        .filter(|rest| rest.contains(" round trips, "))
        .collect();
    let [line] = lines[..] else {
        return Err(format!("{} storages were opened:\n{}", lines.len(), outcome.stdout).into());
    };
    let before = |word: &str| -> Result<usize> {
        let text = line.split(word).next().unwrap_or_default();
        Ok(text.rsplit(' ').next().unwrap_or_default().parse()?)
    };
    Ok(Took {
        rounds: before(" round trips")?,
        connections: before(" connections")?,
        log: outcome.stdout.clone(),
    })
}

fn push(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    stage.run(CREATE)?;
    let builder = DataDirBuilder::new("15")?;
    for number in 1..=2 {
        let name = format!("data/pg_wal/00000001000000000000000{number}");
        let segment = stage.scratch.write(name, builder.wal_segment(number))?;
        let took = count(&stage, &["archive-push", &segment.display().to_string()])?;
        // The first of them is part of the login: the question for limits.
        if took.rounds > 8 || took.connections != 1 {
            return Err(format!(
                "{} round trips, {} connections\n{}",
                took.rounds, took.connections, took.log
            )
            .into());
        }
    }
    Ok(())
}

fn nothing_changed(program: &Program) -> TestResult {
    let mut took = Vec::new();
    for files in [10, 300] {
        let stage = Stage::new(program, &[])?;
        for number in 0..files {
            let name = format!("data/base/1/{}", 20_000 + number);
            stage.scratch.write(name, vec![7; 8192])?;
        }
        stage.run(CREATE)?;
        stage.run(&["--no-online", "--type=full", "backup"])?;
        // A backup of nothing at all is an error.
        // Of another size, since the time may be the same second.
        stage
            .scratch
            .write("data/postgresql.conf", "# changed since the full backup\n")?;
        took.push(count(&stage, &["--no-online", "--type=incr", "backup"])?.rounds);
    }
    // The manifest is larger by a few requests; nothing is asked for each file.
    if took[1] > took[0] + 10 {
        return Err(format!("{took:?} round trips").into());
    }
    Ok(())
}

fn one_connection(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("process-max", "4")])?;
    let copy = format!("--pg1-path={}", stage.scratch.make_dir("copy")?.display());
    for command in [
        CREATE,
        &["--no-online", "backup"],
        &["info"],
        &["verify"],
        &["expire"],
        &[copy.as_str(), "--type=none", "restore"],
    ] {
        let took = count(&stage, command)?;
        if took.connections != 1 {
            return Err(format!("{command:?} made {} connections", took.connections).into());
        }
    }
    Ok(())
}

/// The login included, which is eight: versions, key exchange, service, key, signature, channel, subsystem, start of SFTP. A
/// few more may be counted on a busy machine.
fn far(program: &Program) -> TestResult {
    let mut stage = Stage::new(program, &[])?;
    stage.run(CREATE)?;
    stage.run(&["--no-online", "--type=full", "backup"])?;
    let segment = stage.scratch.write(
        "data/pg_wal/000000010000000000000001",
        DataDirBuilder::new("15")?.wal_segment(1),
    )?;
    stage
        .scratch
        .write("data/postgresql.conf", "# changed since the full backup\n")?;
    let fetched = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    let (segment, fetched) = (segment.display().to_string(), fetched.display().to_string());
    let commands: [(&[&str], u64); 5] = [
        (&["--no-online", "--type=incr", "backup"], 40),
        (&["archive-push", &segment], 16),
        (&["archive-get", "000000010000000000000001", &fetched], 16),
        (&["info"], 22),
        (&["expire"], 24),
    ];
    let mut wrong = Vec::new();
    for (command, most) in commands {
        let line = Line::new()
            .delay(Duration::from_millis(25))
            .to(stage.server.address())?;
        stage.reached_at(line.address())?;
        stage.run(command)?;
        if line.round_trips() > most {
            wrong.push(format!(
                "{command:?}: {} round trips, {} connections",
                line.round_trips(),
                line.connections()
            ));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n").into())
    }
}
