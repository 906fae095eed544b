//! Log files: both programs write the same lines into files of the same names, also where one command follows another.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "expire_after_a_backup_has_its_own_log_file_as_with_pgbackrest",
        move || visit(&program),
    )
}

fn visit(program: &Program) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let scratch = Scratch::new()?;
    let data = scratch.join("data");
    DataDirBuilder::new("17")?
        .relation("base/1/16384", 4)
        .build(&data)?;
    scratch.account().own_tree(&data)?;
    let mut found = Vec::new();
    for (side, ours) in [("ours", true), ("theirs", false)] {
        let config = Configuration::new(&scratch)?
            .global(
                "repo1-path",
                scratch.make_dir(format!("repo-{side}"))?.display(),
            )
            .global(
                "log-path",
                scratch.make_dir(format!("log-{side}"))?.display(),
            )
            .global("log-level-file", "info")
            .global("repo1-retention-full", 1)
            .stanza("main", "pg1-path", data.display())
            .write(&scratch, "pgbackrest.conf")?;
        for arguments in [
            vec!["stanza-create"],
            vec!["--type=full", "backup"],
            vec!["--type=full", "--no-expire-auto", "backup"],
            vec!["--type=full", "--log-level-file=off", "backup"],
        ] {
            let mut command = if ours {
                program.as_pgbackrest()
            } else {
                pgbackrest.command()
            };
            command
                .arg(format!("--config={}", config.display()))
                .args(["--stanza=main", "--no-online"]);
            run(command.args(arguments))?.success()?;
        }
        found.push(files(&scratch.join(format!("log-{side}")))?);
    }
    if found[0] == found[1] {
        return Ok(());
    }
    Err(format!("ours: {:#?}\npgBackRest's: {:#?}", found[0], found[1]).into())
}

/// The first words after the level of each line, by file name.
fn files(
    top: &std::path::Path,
) -> Result<BTreeMap<String, Vec<String>>, Box<dyn std::error::Error>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(top)? {
        let entry = entry?;
        let lines = std::fs::read_to_string(entry.path())?
            .lines()
            .map(|line| match line.split_once("INFO: ") {
                Some((_, text)) => text.split(' ').take(3).collect::<Vec<_>>().join(" "),
                None => line.to_owned(),
            })
            // Labels name the second in which they were given.
            .map(|line| line.chars().filter(|c| !c.is_ascii_digit()).collect())
            .collect();
        files.insert(entry.file_name().to_string_lossy().into_owned(), lines);
    }
    Ok(files)
}
