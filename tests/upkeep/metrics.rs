//! `metrics` tells what the real pgbackrest_exporter makes of `info`: of pgBackRest's and of ours, over the catalogue of repositories.
//!
//! The rule: every series of `pgbackrest_…` has the same name, labels and value, and HELP and TYPE are the same. Two exceptions: the
//! exporter's own build, of which only the names of the labels are the same, and the seconds since a backup, which grow by at
//! most the seconds that passed between the two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use pgkeep_testkit::exporter;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::catalogue::{CATALOGUE, Prepare};
use crate::state::{Result, State};

const BUILD: &str = "pgbackrest_exporter_build_info";
const SINCE: &str = "pgbackrest_backup_since_last_completion_seconds";
/// The exporter was stopped while it asked for it.
const VERSION: &str = "pgbackrest_version_info";
/// Labels of times are local ones. A name, as Go reads no other form; without the zones of the system it is UTC for both.
const ZONE: (&str, &str) = ("TZ", "Asia/Kolkata");

const MORE: &[(&str, Prepare)] = &[
    ("blocks_in_sets_that_build_on_each_other", || {
        let state = State::with_backup(&[("repo1-bundle", "y"), ("repo1-block", "y")])?;
        for (kind, content) in [("diff", "changed"), ("incr", "changed again")] {
            state.scratch.write("data/postgresql.conf", content)?;
            state.make(&[&format!("--type={kind}"), "backup"])?;
        }
        Ok(state)
    }),
    ("stanzas_with_odd_names", || {
        let state = State::with_backup(&[])?;
        for name in ["we\"ird\\name", "two\nlines", "blank and {brace}", "ütf"] {
            state.scratch.make_dir(format!("repo/backup/{name}"))?;
        }
        Ok(state)
    }),
];

/// Every repository of the catalogue, and what only these metrics care about.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (name, prepare) in CATALOGUE.iter().chain(MORE) {
        let program = Arc::clone(program);
        suite = suite.test(format!("metrics_are_the_exporters_of_{name}"), move || {
            compare(&program, &prepare()?)
        });
    }
    let own = Arc::clone(program);
    suite = suite.test(
        "node_exporter_tells_all_that_the_file_of_metrics_says",
        move || by_file(&own),
    );
    let program = Arc::clone(program);
    suite.test(
        "metrics_tell_what_can_be_restored_and_how_verify_ended",
        move || ours(&program),
    )
}

fn by_file(program: &Program) -> TestResult {
    let state = State::with_backup(&[])?;
    state.as_pgkeep(program, &["verify"])?.success()?;
    let directory = state.scratch.make_dir("metrics")?;
    let file = directory.join("pgkeep.prom");
    let option = format!("--metrics-file={}", file.display());
    state.as_pgkeep(program, &[&option, "metrics"])?.success()?;
    let text = exporter::textfiles(&directory)?;
    let (told, wanted) = (parse(&text)?, parse(&std::fs::read_to_string(&file)?)?);
    let refused = ("node_textfile_scrape_error".to_owned(), Labels::new());
    if told.samples.get(&refused) != Some(&0.0) {
        return Err(format!("node_exporter does not read it:\n{text}").into());
    }
    let mut samples = wanted.samples.iter();
    match samples.find(|(key, value)| told.samples.get(*key) != Some(*value)) {
        Some(lost) => Err(format!("{lost:?} is not in\n{text}").into()),
        None if wanted.samples.is_empty() => Err("the file is empty".into()),
        None => Ok(()),
    }
}

fn ours(program: &Program) -> TestResult {
    let state = State::with_backup(&[])?;
    let tells = |sample: &str, holds: bool| -> TestResult {
        let told = state.as_pgkeep(program, &["metrics"])?.success()?.stdout;
        let found = told.lines().any(|line| line.starts_with(sample));
        if found == holds {
            Ok(())
        } else {
            Err(format!("{sample}: {found}\n{told}").into())
        }
    };
    let of = "{repo_key=\"1\",stanza=\"main\"}";
    // A backup of a stopped cluster can be restored as it is.
    tells(
        &format!("pgkeep_repo_restorable_timestamp_seconds{of} "),
        true,
    )?;
    tells("pgkeep_verify_last_status", false)?;
    state.as_pgkeep(program, &["verify"])?.success()?;
    tells(&format!("pgkeep_verify_last_status{of} 0"), true)?;
    let label = state.labels()?.remove(0);
    std::fs::remove_file(state.in_repo(&format!("backup/main/{label}/pg_data/PG_VERSION.gz")))?;
    let failed = state.as_pgkeep(program, &["verify"])?;
    tells(
        &format!("pgkeep_verify_last_status{of} {}", failed.code),
        true,
    )?;
    tells(&format!("pgkeep_verify_last_status{of} 0"), false)
}

/// Labels by name.
type Labels = BTreeMap<String, String>;

/// What a text says.
#[derive(Debug, Default)]
struct Told {
    samples: BTreeMap<(String, Labels), f64>,
    /// HELP and TYPE.
    about: BTreeSet<String>,
}

fn compare(program: &Program, state: &State) -> TestResult {
    let began = seconds()?;
    let environment = [ZONE];
    let scrape = |pgbackrest| exporter::scrape(pgbackrest, &state.config, &environment);
    let theirs = parse(&scrape(state.pgbackrest.path())?)?;
    let of_ours = parse(&scrape(program.link())?)?;
    let config = format!("--config={}", state.config.display());
    let mut command = program.command();
    command.env(ZONE.0, ZONE.1).args([&config, "metrics"]);
    let got = run(&mut command)?.success()?;
    let ours = parse(&got.stdout)?;
    let passed = (seconds()? - began) as f64;
    let differences: Vec<String> = [("pgBackRest's", &theirs), ("our", &of_ours)]
        .into_iter()
        .flat_map(|(whose, expected)| {
            let found = differences(expected, &ours, passed);
            found
                .into_iter()
                .map(move |what| format!("exporter on {whose} info: {what}"))
        })
        .collect();
    if differences.is_empty() {
        Ok(())
    } else {
        Err(format!("{}\n{}\n{}", differences.join("\n"), got.stdout, got.stderr).into())
    }
}

fn seconds() -> Result<u64> {
    Ok(SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs())
}

fn differences(expected: &Told, got: &Told, passed: f64) -> Vec<String> {
    let mut found = Vec::new();
    let is_compared = |name: &str| name.starts_with("pgbackrest_") && name != VERSION;
    // Of the build only the names of labels count.
    let keyed = |told: &Told| -> BTreeMap<(String, Labels), f64> {
        let all = told
            .samples
            .iter()
            .filter(|((name, _), _)| is_compared(name));
        all.map(|((name, labels), value)| {
            let mut labels = labels.clone();
            if name == BUILD {
                labels.values_mut().for_each(String::clear);
            }
            ((name.clone(), labels), *value)
        })
        .collect()
    };
    let (expected_samples, got_samples) = (keyed(expected), keyed(got));
    for (key, value) in &expected_samples {
        let tolerance = if key.0 == SINCE { passed + 1.0 } else { 0.0 };
        match got_samples.get(key) {
            None => found.push(format!("missing: {key:?} {value}")),
            Some(other) if !(0.0..=tolerance).contains(&(other - value)) => {
                found.push(format!("{key:?}: {other} in place of {value}"));
            }
            Some(_) => {}
        }
    }
    let more = got_samples
        .keys()
        .filter(|key| !expected_samples.contains_key(*key));
    found.extend(more.map(|key| format!("too much: {key:?}")));
    for line in expected.about.symmetric_difference(&got.about) {
        let name = line.split(' ').nth(2).unwrap_or_default();
        if is_compared(name) && name != BUILD {
            found.push(format!("only one has: {line}"));
        }
    }
    found
}

fn parse(text: &str) -> Result<Told> {
    let mut told = Told::default();
    for line in text.lines() {
        if line.starts_with("# HELP ") || line.starts_with("# TYPE ") {
            told.about.insert(line.to_owned());
        } else if !line.starts_with('#') {
            let (key, value) = sample(line).ok_or_else(|| format!("no sample: {line}"))?;
            if told.samples.insert(key, value).is_some() {
                return Err(format!("twice: {line}").into());
            }
        }
    }
    Ok(told)
}

/// `name{label="value",…} number`
fn sample(line: &str) -> Option<((String, Labels), f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while let Some((label, after)) = rest.split_once("=\"") {
            let mut value = String::new();
            let mut chars = after.char_indices();
            let close = loop {
                match chars.next()? {
                    (_, '\\') => value.push(match chars.next()?.1 {
                        'n' => '\n',
                        other => other,
                    }),
                    (at, '"') => break at,
                    (_, other) => value.push(other),
                }
            };
            labels.insert(label.trim_start_matches(',').to_owned(), value);
            rest = &after[close + 1..];
            if rest.starts_with('}') {
                break;
            }
        }
        rest = rest.strip_prefix('}')?;
    }
    Some(((name.to_owned(), labels), rest.trim().parse().ok()?))
}
