//! Restores of the array on the host of the cluster: to every kind of target, over the network, with WAL fetched asynchronously.

use std::sync::Mutex;

use pgkeep_testkit::cluster::StopMode;
use pgkeep_testkit::suite::TestResult;

use crate::Result;
use crate::array::Array;
use crate::draw::{Draw, full};
use crate::machine::Host;

/// What a target must lead to.
#[derive(Debug, Clone)]
struct Point {
    words: Vec<String>,
    /// The last step that is there.
    step: &'static str,
}

/// Steps of the primary and the targets that lead to them.
#[derive(Debug, Default)]
pub struct Points(Mutex<Vec<Point>>);

/// Does steps and notes how to come back to each.
pub fn points(array: &Array<'_>) -> Result<()> {
    let sql = |text: &str| array.primary.sql(text);
    let point = |step: &'static str, words: &[&str]| Point {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        step,
    };
    let mut points = vec![point("switched", &["--type=immediate"])];
    let xid = sql("begin; insert into steps values ('xid'); select txid_current(); commit")?;
    let target = format!("--target={xid}");
    points.push(point("xid", &["--type=xid", &target]));
    points.push(point(
        "switched",
        &["--type=xid", &target, "--target-exclusive"],
    ));
    sql("insert into steps values ('time')")?;
    let time = sql("select clock_timestamp()")?;
    points.push(point("time", &["--type=time", &format!("--target={time}")]));
    sql("select pg_create_restore_point('here'); insert into steps values ('last')")?;
    points.push(point("time", &["--type=name", "--target=here"]));
    points.push(point("last", &["--type=default"]));
    array.archive()?;
    *array.points.0.lock().map_err(|_| "a test panicked")? = points;
    Ok(())
}

/// Comes back to every point, or to two of them.
pub fn all(array: &Array<'_>) -> TestResult {
    let restore = |words: &[String]| -> Vec<String> {
        let mut all = vec!["--delta".to_owned()];
        all.extend(words.iter().cloned());
        all.push("restore".to_owned());
        all
    };
    let must = |words: &[String], code: i32| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        array.fails(Host::Pg1, &words, code)
    };
    // It runs.
    must(&restore(&[]), 38)?;
    array.primary.stop(StopMode::Fast)?;
    // The standby that was promoted left the timeline before this backup.
    must(&restore(&["--target-timeline=2".to_owned()]), 58)?;
    let mut points = array
        .points
        .0
        .lock()
        .map_err(|_| "a test panicked")?
        .clone();
    if !full() {
        let mut draw = Draw::of(&format!("{:?}", array.row));
        while points.len() > 2 {
            let at = draw.below(points.len() as u64) as usize;
            points.remove(at);
        }
    }
    for point in &points {
        let mut words = point.words.clone();
        words.push("--archive-mode=off".to_owned());
        let excludes = words[0] == "--type=immediate";
        words.push(match excludes {
            true => "--db-exclude=gone".to_owned(),
            // The standby that was promoted has left a newer one, which this backup is no part of.
            false => "--target-timeline=current".to_owned(),
        });
        if words[0] != "--type=default" {
            words.push("--target-action=promote".to_owned());
        }
        must(&restore(&words), 0)?;
        array.primary.start()?;
        array
            .primary
            .wait_for_sql("select pg_is_in_recovery()", "f")?;
        let rows = array.primary.sql("select step from steps")?;
        let missing = !excludes && !rows.lines().any(|row| row == point.step);
        let too_far = match point.step {
            "switched" => rows.contains("xid"),
            "xid" => rows.contains("time"),
            "time" => rows.contains("last"),
            _ => false,
        };
        if missing || too_far {
            return Err(format!("{words:?} led to\n{rows}").into());
        }
        array.primary.stop(StopMode::Fast)?;
    }
    // A timeline that a restore begins, and a restore along it.
    let begins = [
        "--type=name",
        "--target=here",
        "--target-action=promote",
        "--target-timeline=current",
    ];
    must(&restore(&begins.map(str::to_owned)), 0)?;
    array.primary.start()?;
    array
        .primary
        .wait_for_sql("select pg_is_in_recovery()", "f")?;
    array
        .primary
        .sql("insert into steps values ('new timeline')")?;
    array.archive()?;
    let timeline = array
        .primary
        .sql("select timeline_id from pg_control_checkpoint()")?;
    let walfile = array
        .primary
        .sql("select pg_walfile_name(pg_current_wal_lsn())")?;
    array.primary.stop(StopMode::Fast)?;
    let timeline = match timeline.as_str() {
        // The checkpoint of the new timeline may be yet to come.
        "1" => walfile[..8].trim_start_matches('0').to_owned(),
        number => number.to_owned(),
    };
    must(
        &restore(&[
            format!("--target-timeline={timeline}"),
            "--archive-mode=off".to_owned(),
        ]),
        0,
    )?;
    array.primary.start()?;
    array
        .primary
        .wait_for_sql("select pg_is_in_recovery()", "f")?;
    let rows = array.primary.sql("select step from steps")?;
    if !rows.contains("new timeline") || rows.contains("last") {
        return Err(format!("timeline {timeline} led to\n{rows}").into());
    }
    Ok(())
}
