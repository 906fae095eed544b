//! A new cluster takes over a stanza in a bucket.

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{Stage, Who, must_have};
use crate::store::Store;

pub(crate) fn upgrade(program: &Program, store: &Store) -> TestResult {
    let mut stage = Stage::new(program, store, &[("repo1-bundle", "y")])?;
    stage.run(Who::Ours, &["--type=full", "backup"])?;
    stage.take_over(18)?;
    let early = stage.outcome(Who::Ours, &["--type=full", "backup"])?;
    early.expect_code(51)?;
    stage.run(Who::Ours, &["stanza-upgrade"])?;
    stage.run(Who::Ours, &["check"])?;
    stage.run(Who::Ours, &["--type=full", "backup"])?;
    stage.both_agree()?;
    let info = stage.run(Who::Theirs, &["info"])?.stdout;
    must_have(&info, "wal archive min/max (17)")?;
    must_have(&info, "wal archive min/max (18)")?;
    stage.run(Who::Theirs, &["--type=incr", "backup"])?;
    stage.both_agree()
}
