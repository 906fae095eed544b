//! The letters of a shared access signature, as the guide gives them, on azurite, which enforces them.

use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::Stage;
use crate::{END, LIFE, NEEDING, READING, Result};

/// Letters of the guide for a host that backs up, in the order in which Azure wants them.
const ALL: &str = "rwdl";

/// As doctor names them.
const NAMES: [(char, &str); 4] = [
    ('r', "r (read)"),
    ('w', "w (write)"),
    ('d', "d (delete)"),
    ('l', "l (list)"),
];

fn options(server: &ObjectServer, letters: &str) -> Result<Vec<(String, String)>> {
    let signature = server.shared_access_signature(letters, 3600)?;
    let signature = signature.trim().trim_start_matches('?').to_owned();
    Ok([
        ("azure-key-type", "sas".to_owned()),
        ("azure-key", signature),
    ]
    .map(|(name, value)| (format!("repo1-{name}"), value))
    .to_vec())
}

fn stage<'a>(program: &'a Program, letters: &str) -> Result<Stage<'a>> {
    let server = ObjectServer::start(Kind::Azurite)?;
    let options = options(&server, letters)?;
    Stage::on(program, server, options)
}

pub fn all(program: &Program) -> TestResult {
    let mut stage = stage(program, ALL)?;
    for arguments in &LIFE[..4] {
        stage.run(arguments)?.success()?;
    }
    for (letter, name) in NAMES {
        let fewer = ALL.replace(letter, "");
        stage.set(options(stage.server(), &fewer)?)?;
        let found = stage.doctor()?;
        let missing: Vec<&str> = found
            .iter()
            .filter(|one| one.result != "ok")
            .map(|one| one.seen.as_str())
            .collect();
        let named = format!("{name} is not allowed");
        if missing.len() != 1 || !missing[0].starts_with(&named) {
            return Err(format!("with {fewer} doctor says {missing:?}").into());
        }
        let mut worked = 0;
        for arguments in NEEDING {
            worked += usize::from(stage.run(arguments)?.code == 0);
        }
        if worked == NEEDING.len() {
            return Err(format!("nothing needs {letter}").into());
        }
    }
    stage.set(options(stage.server(), ALL)?)?;
    for arguments in [&LIFE[1..], END].concat() {
        stage.run(arguments)?.success()?;
    }
    let found = stage.doctor()?;
    if found.iter().any(|one| one.result != "ok") {
        return Err(format!("with {ALL} doctor says {found:?}").into());
    }
    Ok(())
}

pub fn fewer(program: &Program) -> TestResult {
    let mut stage = stage(program, "rwl")?;
    for arguments in crate::KEEPING {
        stage.run(arguments)?.success()?;
    }
    stage.refused(&["--repo1-retention-full=1", "expire"])?;
    stage.set(options(stage.server(), "rl")?)?;
    for arguments in READING {
        stage.run(arguments)?.success()?;
    }
    stage.refused(&["archive-push", "OTHER"])?;
    stage.refused(&["--no-online", "backup"])
}
