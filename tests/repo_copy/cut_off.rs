//! A copy that dies anywhere leaves a valid target, and the next one goes on.

use std::fs;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use crate::source::{AES, BUNDLES, Made, Maker, OTHER_AES};
use crate::stage::{Stage, must_say};

/// Points of a default run, besides the last ones.
const SAMPLE: u64 = 4;
const LAST: u64 = 2;
/// Exit code of what SIGKILL has ended.
const KILLED: i32 = 128 + 9;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let [one, two, three] = [(); 3].map(|()| Arc::clone(program));
    suite
        .test("a_copy_that_dies_is_continued", move || {
            killed(
                &one,
                &Made {
                    sftp: false,
                    ..KEYS
                },
                SAMPLE,
            )
        })
        .test("a_copy_to_sftp_that_dies_is_continued", move || {
            killed(&two, &Made { sftp: true, ..KEYS }, SAMPLE / 2)
        })
        .test(
            "a_copy_that_is_encrypted_on_the_way_is_continued",
            move || killed(&three, &ENCRYPTED, SAMPLE / 2),
        )
}

/// Both sides are encrypted.
const KEYS: Made<'static> = Made {
    maker: Maker::Ours,
    source: &[BUNDLES[0], BUNDLES[1], BUNDLES[2], AES[0], AES[1]],
    target: &[BUNDLES[0], BUNDLES[1], OTHER_AES[0], OTHER_AES[1]],
    compress: "none",
    sftp: false,
};

/// Only the target is.
const ENCRYPTED: Made<'static> = Made {
    maker: Maker::PgBackRest,
    source: &BUNDLES,
    target: KEYS.target,
    compress: "zst",
    sftp: false,
};

/// splitmix64
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn points(operations: u64, sample: u64) -> Vec<u64> {
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        return (1..=operations).collect();
    }
    let before = operations.saturating_sub(LAST);
    let part = (before / sample).max(1);
    let mut random = seed();
    let mut points: Vec<u64> = (0..sample.min(before))
        .map(|at| at * part + next(&mut random) % part + 1)
        .collect();
    points.extend(before + 1..=operations);
    points
}

fn empty(stage: &Stage<'_>) -> crate::stage::Result<()> {
    for name in ["archive", "backup"] {
        let path = stage.target.join(name);
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

fn killed(program: &Program, made: &Made<'_>, sample: u64) -> TestResult {
    let stage = Stage::new(program, made)?;
    let counted = stage.copy_with_fault("kill:0", &[])?.success()?;
    let operations = counted
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("operations: "))
        .ok_or("the program was built without the feature faulty")?
        .parse()?;
    for point in points(operations, sample) {
        empty(&stage)?;
        stage
            .copy_with_fault(&format!("kill:{point}"), &[])?
            .expect_code(KILLED)
            .map_err(|error| format!("operation {point} of {operations}: {error}"))?;
        // Whatever is listed is whole, for both programs, and is restored as it was.
        let listed = stage.listed()?;
        if stage.target.join("backup/main/backup.info").exists() {
            stage
                .target_is_sound()
                .and_then(|()| stage.restores(&listed))
                .map_err(|error| format!("kill:{point}: {error}"))?;
        }
        let again = stage.copy(&[])?.success()?;
        must_say(&again, "copied from repo1 to repo2")?;
        stage
            .target_is_sound()
            .and_then(|()| stage.target_holds(&[0, 1, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8]))
            .map_err(|error| format!("after kill:{point}: {error}"))?;
    }
    Ok(())
}
