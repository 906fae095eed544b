//! A catalogue of clusters that are not as they should be: both programs must say the same of them, exit alike, and store and
//! restore the same.
//!
//! Each program has a repository of its own. Lines of the log are compared as a sorted list, without what names a moment, a
//! label or a place of its own. Manifests are compared by targets, files, links and paths, restored copies file by file.

mod case;
mod change;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use crate::sides::{SIDES, Stage};
use case::{CASES, Case, PAGE_SIZES, PAGES};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    for (number, case) in CASES.iter().enumerate() {
        // One layout of the two for each case, the other one with another seed.
        let turn = (number as u64 + seed()).is_multiple_of(2);
        for layout in ["plain", "blocks"] {
            if !full && (layout == "blocks") != turn {
                continue;
            }
            let program = Arc::clone(program);
            let name = format!("both_programs_do_the_same_with_{}_{layout}", case.name);
            suite = suite.test(name, move || {
                visit(&program, case, layout == "blocks", PAGE)
            });
        }
    }
    for (at, size) in PAGE_SIZES.into_iter().enumerate() {
        let program = Arc::clone(program);
        let name = format!(
            "both_programs_do_the_same_with_{}_of_{size}_bytes",
            PAGES.name
        );
        suite = suite.test(name, move || {
            visit(&program, &PAGES, at.is_multiple_of(2), size)
        });
    }
    suite
}

/// Bytes of a page that PostgreSQL is mostly built with.
const PAGE: u32 = 8192;

fn visit(program: &Program, case: &Case, blocks: bool, page_size: u32) -> TestResult {
    let stage = Stage::new(program)?;
    let scratch = &stage.scratch;
    let data = scratch.join("data");
    DataDirBuilder::new("15")?
        .page_size(page_size)
        .page_checksums()
        .relation("base/1/16384", 4)
        .relation("base/1/16385", 24)
        .relation("global/1262", 1)
        .file("pg_xact/0000", vec![0x55; 20_000])
        .file("empty", "")
        .build(&data)?;
    let beside = scratch.make_dir("beside")?;
    change::settle(&data)?;
    scratch.account().own_tree(&data)?;
    for side in SIDES {
        let mut made = Configuration::new(scratch)?
            .global(
                "repo1-path",
                scratch.make_dir(format!("repo-{side}"))?.display(),
            )
            .global("repo1-retention-full", 2)
            .global("log-level-file", "off")
            .global("log-level-console", "detail")
            .global("compress-type", "none")
            .global("job-retry", 0)
            .stanza("main", "pg1-path", data.display());
        if blocks {
            made = made
                .global("repo1-bundle", "y")
                .global("repo1-block", "y")
                .global("compress-type", "zst");
        }
        made.write(scratch, &format!("{side}.conf"))?;
        stage
            .run(side, side, &["--no-online", "stanza-create"])?
            .success()?;
    }
    for step in case.steps {
        (step.change)(&data, &beside)?;
        let mut arguments = vec!["--no-online"];
        arguments.extend(step.options);
        arguments.push("backup");
        stage.same_outcome(&arguments, step.code)?;
        if step.code == 0 {
            stage.same_manifest()?;
        }
    }
    if case.steps.iter().any(|step| step.code == 0) {
        stage.same_restore(case.restore)?;
    }
    Ok(())
}

impl Stage<'_> {
    fn same_outcome(&self, arguments: &[&str], code: i32) -> TestResult {
        let mut told = Vec::new();
        for side in SIDES {
            let mapped = self.scratch.join(format!("mapped-{side}"));
            let own: Vec<String> = arguments
                .iter()
                .map(|word| word.replace("COPY", &self.copy(side).display().to_string()))
                .map(|word| word.replace("MAPPED", &mapped.display().to_string()))
                .collect();
            let own: Vec<&str> = own.iter().map(String::as_str).collect();
            let outcome = self.run(side, side, &own)?;
            let lines = self.lines(side, &outcome);
            if outcome.code != code {
                return Err(format!(
                    "{side}: exit code {} instead of {code}\n{}{}",
                    outcome.code, outcome.stdout, outcome.stderr
                )
                .into());
            }
            told.push(lines);
        }
        same_lines(&told[0], &told[1])
    }

    /// Sorted lines of a log, with its continuations, without what cannot be the same.
    fn lines(&self, side: &str, outcome: &Outcome) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for line in outcome.stdout.lines() {
            match line.split_once(": ") {
                // `2026-11-24 04:50:26.003 P00   INFO`
                Some((head, text)) if head.len() > 28 && head.as_bytes()[24] == b'P' => {
                    lines.push(format!("{}: {text}", head[28..].trim()));
                }
                _ => {
                    if let Some(last) = lines.last_mut() {
                        last.push('\n');
                        last.push_str(line.trim_start());
                    }
                }
            }
        }
        lines.retain(|line| {
            !line.contains(" command begin ") && !line.contains(" completed successfully")
        });
        let own = [
            format!("repo-{side}"),
            format!("copy-{side}"),
            format!("mapped-{side}"),
        ];
        let mut lines: Vec<String> = lines
            .into_iter()
            // Hints that this program adds are not pgBackRest's to have.
            .map(|line| without_progress(&without_labels(&line)))
            .map(|line| {
                own.iter()
                    .fold(line, |line, name| line.replace(name, "OWN"))
            })
            .map(|line| without_program(&line))
            .filter(|line| !self.may_differ(line))
            .collect();
        // How far a run came before it failed follows from the order of work.
        if outcome.code != 0 {
            lines.retain(|line| !line.starts_with("DETAIL"));
        }
        lines.sort();
        lines
    }

    /// Lines that say how a program works, not what it found.
    fn may_differ(&self, line: &str) -> bool {
        line.starts_with("DETAIL: restore plan")
            // The size of bundles follows from how files are packed.
            || line.starts_with("DETAIL: sync path")
    }

    fn copy(&self, side: &str) -> PathBuf {
        self.scratch.join(format!("copy-{side}"))
    }

    /// What the newest manifests say of targets, files, links and paths.
    fn same_manifest(&self) -> TestResult {
        let mut found = Vec::new();
        for side in SIDES {
            let top = self.scratch.join(format!("repo-{side}/backup/main"));
            let mut sets: Vec<PathBuf> = fs::read_dir(&top)?
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.join("backup.manifest").exists() && !path.is_symlink())
                .collect();
            sets.sort();
            let set = sets.last().ok_or("there is no set")?;
            let text = fs::read(set.join("backup.manifest"))?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let (_, rest) = text
                .split_once("[backup:target]")
                .ok_or("no targets in the manifest")?;
            let mut lines: Vec<String> = rest
                .lines()
                .map(|line| without_packing(&without_labels(line)))
                .collect();
            lines.retain(|line| !line.contains("backrest-checksum"));
            lines.sort();
            found.push(lines);
        }
        same_lines(&found[0], &found[1])
    }

    fn same_restore(&self, options: &[&str]) -> TestResult {
        for side in SIDES {
            self.scratch.make_dir(format!("copy-{side}"))?;
            self.scratch.make_dir(format!("mapped-{side}"))?;
        }
        let mut arguments = vec!["--pg1-path=COPY"];
        arguments.extend(options);
        arguments.push("restore");
        self.same_outcome(&arguments, 0)?;
        // Links lead to places of their own, which are compared for themselves.
        let ignore = ["pg_tblspc", "pg_dir", "pg_hba.conf"]
            .iter()
            .fold(Ignore::nothing(), |ignore, name| ignore.path(name));
        for what in ["copy", "mapped"] {
            let of =
                |side: &str| Snapshot::of(&self.scratch.join(format!("{what}-{side}")), &ignore);
            of(SIDES[1])?.must_equal(&of(SIDES[0])?)?;
        }
        Ok(())
    }
}

fn same_lines(ours: &[String], theirs: &[String]) -> TestResult {
    let only = |left: &[String], right: &[String]| {
        let mut right = right.to_vec();
        let mut only = Vec::new();
        for line in left {
            match right.iter().position(|other| same_line(line, other)) {
                Some(at) => drop(right.remove(at)),
                None => only.push(line.clone()),
            }
        }
        only.join("\n  ")
    };
    let (only_ours, only_theirs) = (only(ours, theirs), only(theirs, ours));
    if only_ours.is_empty() && only_theirs.is_empty() {
        return Ok(());
    }
    Err(format!("only ours:\n  {only_ours}\nonly pgBackRest's:\n  {only_theirs}").into())
}

/// Equal, but for hints that only one has.
fn same_line(left: &str, right: &str) -> bool {
    let bare = |line: &str| line.split("\nHINT").next().unwrap_or_default().to_owned();
    left == right
        || (bare(left) == bare(right) && (left.contains("HINT") != right.contains("HINT")))
}

/// Labels, of any type, give way to a word.
fn without_labels(line: &str) -> String {
    let is_label = |text: &[u8]| {
        text.len() >= 16
            && text[..8].iter().all(u8::is_ascii_digit)
            && text[8] == b'-'
            && text[9..15].iter().all(u8::is_ascii_digit)
            && matches!(text[15], b'F' | b'D' | b'I')
    };
    let mut made = Vec::new();
    let mut rest = line.as_bytes();
    while let Some(first) = rest.first() {
        if is_label(rest) {
            made.extend_from_slice(b"LABEL");
            rest = &rest[16..];
        } else {
            made.push(*first);
            rest = &rest[1..];
        }
    }
    String::from_utf8_lossy(&made).into_owned()
}

/// What names the program or its way of working: its version, and its workers.
fn without_program(line: &str) -> String {
    match line.split_once(", version = ") {
        Some((before, _)) => before.to_owned(),
        // The seconds may differ by one.
        None if line.contains("copy start ") => {
            let is_later = |c: char| c.is_ascii_digit();
            let (before, after) = line.split_once("copy start ").unwrap_or_default();
            format!("{before}{}", after.trim_start_matches(is_later))
        }
        None => line.replace("raised from local-1 protocol: ", ""),
    }
}

/// `(bundle 1/0, 8KB, 12.34%)` without the place in the bundle and without how much was done by then, which follow from
/// the order of work.
fn without_progress(line: &str) -> String {
    let Some((before, after)) = line.rsplit_once(" (") else {
        return line.to_owned();
    };
    let Some((inside, after)) = after.split_once(')') else {
        return line.to_owned();
    };
    let kept: Vec<&str> = inside
        .split(", ")
        .filter(|part| !part.ends_with('%') && !part.starts_with("bundle "))
        .collect();
    format!("{before} ({}){after}", kept.join(", "))
}

/// A file of a manifest without what depends on the packing: its place in a bundle, and what it takes there.
fn without_packing(line: &str) -> String {
    let mut line = line.to_owned();
    for key in [
        "\"bni\":",
        "\"bno\":",
        "\"repo-size\":",
        "\"bim\":",
        "\"rck\":",
    ] {
        if let Some(at) = line.find(key) {
            let end = line[at..]
                .find([',', '}'])
                .map_or(line.len(), |end| at + end);
            let end = if line[end..].starts_with(',') {
                end + 1
            } else {
                end
            };
            line.replace_range(at..end, "");
        }
    }
    line.replace(",}", "}")
}
