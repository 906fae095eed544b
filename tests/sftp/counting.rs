//! Round trips of whole commands, counted and not timed.
//!
//! The program says at `debug` how many it took: requests that went out while no answer was waited for.

use std::time::Duration;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::network_proxy::Network;
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
        "a_restore_from_a_far_server_opens_files_while_those_before_are_written",
        far_restore,
    ),
    (
        "a_segment_that_is_there_is_noticed_while_it_is_sent_and_nothing_of_it_stays",
        duplicate,
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

fn duplicate(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    stage.run(CREATE)?;
    let builder = DataDirBuilder::new("15")?;
    let name = "data/pg_wal/000000010000000000000001";
    let segment = stage.scratch.write(name, builder.wal_segment(1))?;
    let push = ["archive-push", &segment.display().to_string()];
    stage.run(&push)?;
    let ignore = Ignore::nothing();
    let before = Snapshot::of(stage.server.files(), &ignore)?;
    let again = stage.run(&push)?.stdout;
    if !again.contains("already exists in the repo1 archive with the same checksum") {
        return Err(again.into());
    }
    let mut other = builder.wal_segment(1);
    *other.last_mut().ok_or("the segment is empty")? ^= 1;
    stage.scratch.write(name, other)?;
    let refused = stage.outcome(&push)?;
    if refused.code != 45 {
        return Err(format!("{refused:?}").into());
    }
    Ok(before.must_equal(&Snapshot::of(stage.server.files(), &ignore)?)?)
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
    // The first one makes its directory.
    let mut segment = String::new();
    for number in 1..=2 {
        let name = format!("data/pg_wal/00000001000000000000000{number}");
        let content = DataDirBuilder::new("15")?.wal_segment(number);
        segment = stage.scratch.write(name, content)?.display().to_string();
        if number == 1 {
            stage.run(&["archive-push", &segment])?;
        }
    }
    stage
        .scratch
        .write("data/postgresql.conf", "# changed since the full backup\n")?;
    let fetched = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    let fetched = fetched.display().to_string();
    let commands: [(&[&str], u64); 5] = [
        (&["--no-online", "--type=incr", "backup"], 40),
        (&["archive-push", &segment], 14),
        (&["archive-get", "000000010000000000000001", &fetched], 16),
        (&["info"], 22),
        (&["expire"], 24),
    ];
    let mut wrong = Vec::new();
    for (command, most) in commands {
        wrong.extend(too_many(&mut stage, command, most)?);
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n").into())
    }
}

/// Five jobs: four files stored alone, and a bundle of small ones.
fn far_restore(program: &Program) -> TestResult {
    let options = [("repo1-bundle", "y"), ("compress-type", "none")];
    let mut stage = Stage::new(program, &options)?;
    for number in 0..4 {
        let name = format!("data/base/1/{}", 20_000 + number);
        stage.scratch.write(name, vec![7; 3 << 20])?;
    }
    stage.run(CREATE)?;
    stage.run(&["--no-online", "backup"])?;
    let copy = format!("--pg1-path={}", stage.scratch.make_dir("copy")?.display());
    match too_many(&mut stage, &[&copy, "--type=none", "restore"], 22)? {
        None => Ok(()),
        Some(wrong) => Err(wrong.into()),
    }
}

/// Runs a command over a network of 60 ms, much longer than the work between on a busy machine; what is to be said if it takes
/// more round trips one after the other than `most`.
fn too_many(stage: &mut Stage<'_>, command: &[&str], most: u64) -> Result<Option<String>> {
    let proxy = Network::new()
        .delay(Duration::from_millis(60))
        .to(stage.server.address())?;
    stage.reached_at(proxy.address())?;
    stage.run(command)?;
    let (trips, connections) = (proxy.round_trips(), proxy.connections());
    let wrong = format!("{command:?}: {trips} round trips, {connections} connections");
    Ok((trips > most).then_some(wrong))
}
