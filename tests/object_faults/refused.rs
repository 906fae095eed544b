//! A server that refuses one kind of request for good: the run ends with an error that says why, and nothing is lost.

use pgkeep_testkit::object_server::faults::{Asked, Plan, What};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{TestResult, seed};

use crate::doing::Doing;
use crate::point::all_wanted;
use crate::stage::{Result, Stage, ended_with_error};
use crate::store::Store;

/// Of a bucket that is not there uploads are not even begun; else what was begun is to be given up.
fn is_write(asked: &Asked, start: bool) -> bool {
    let begins = asked.what == What::Start && start;
    begins || matches!(asked.what, What::Put | What::Part | What::Complete)
}

fn is_removal(asked: &Asked) -> bool {
    matches!(asked.what, What::Remove | What::RemoveMany)
}

pub fn visit(program: &Program, store: &'static Store) -> TestResult {
    let stage = Stage::new(program, store)?;
    for (turn, doing) in Doing::ALL.into_iter().enumerate() {
        // In a default run on S3 every second one.
        let count = store.refusals.len() as u64;
        let one_in = if store.share == 1 { 2 } else { count };
        for (number, refusal) in store.refusals.iter().enumerate() {
            let turns = number as u64 + turn as u64 + seed();
            let wanted = turns.is_multiple_of(one_in);
            if all_wanted() || wanted {
                one(&stage, doing, number as u64, refusal)
                    .map_err(|error| format!("{}, {}: {error}", doing.name(), refusal.1))?;
            }
        }
    }
    Ok(())
}

fn one(
    stage: &Stage<'_>,
    doing: Doing,
    number: u64,
    (status, code, hint): &(u16, &'static str, &str),
) -> Result<()> {
    let refusal = stage.store.refusal(*status, code);
    let arguments = doing.prepare(stage)?;
    let from = Plan::none();
    let no_bucket = *code == stage.store.no_bucket;
    // What the command is about: a bucket that may be read and not written, or written and not cleared.
    let plan = match doing {
        Doing::Backup | Doing::Push => {
            from.from(1, move |asked| is_write(asked, no_bucket), refusal)
        }
        Doing::Expire => from.from(1, is_removal, refusal),
        Doing::Restore | Doing::Verify => {
            from.from(1 + number % 3, |asked| asked.what == What::Get, refusal)
        }
    };
    let before = stage.uploads()?;
    stage.front.plan(plan);
    let outcome = doing.run(stage, &arguments)?;
    stage.front.plan(Plan::none());
    let said = ended_with_error(&outcome)?;
    if !said.contains(code) || !said.contains(hint) || said.contains(stage.store.secret) {
        return Err(format!("'{hint}' is not in\n{said}").into());
    }
    if doing == Doing::Push && stage.uploads()? > before {
        return Err("the upload was not given up".into());
    }
    doing.again(stage, &arguments)?;
    stage.expire_leaves_nothing()
}
