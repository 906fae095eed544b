//! The page in Chromium: no error, nothing fetched, no need to scroll sideways on any width, names for whoever listens to it.

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::browser::{Browser, Scheme};
use pgkeep_testkit::golden;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use super::stage::{Result, Stage};

/// Widths of a small phone, a phone, the narrowest with a table, a tablet, a laptop.
const WIDTHS: &str = "[320, 390, 705, 768, 1280]";

/// Examines the report in frames and leaves what it found as the only text of its own document.
const EXAMINE: &str = include_str!("examine.html");

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test("a_browser_shows_the_page_on_any_width", move || {
        shown(&program)
    })
}

fn shown(program: &Program) -> TestResult {
    let browser = Browser::new()?;
    let stage = Stage::new(program)?;
    let page = stage.report(&["--no-report-doctor"])?;
    let file = stage.scratch.write("report.html", &page)?;
    let examine = EXAMINE.replace("WIDTHS", WIDTHS);
    let examine = stage.scratch.write("examine.html", examine)?;
    let mut grounds = Vec::new();
    for scheme in [Scheme::Light, Scheme::Dark] {
        let opened = browser.open(&file, scheme)?;
        if !opened.console.is_empty() {
            return Err(opened.console.join("\n").into());
        }
        let opened = browser.open(&examine, scheme)?;
        let found = between(&opened.document, "<pre>", "</pre>")?;
        let (problems, rest) = found.split_once("GROUND ").ok_or_else(|| found.clone())?;
        if !problems.is_empty() || !opened.console.is_empty() {
            return Err(format!("{problems}{}", opened.console.join("\n")).into());
        }
        let (ground, structure) = rest.split_once('\n').ok_or_else(|| found.clone())?;
        grounds.push(ground.to_owned());
        if scheme == Scheme::Light {
            golden::check(&golden_file(), &stable(&stage, structure)?)?;
        }
    }
    if grounds[0] == grounds[1] {
        return Err(format!("light and dark have the ground {grounds:?}").into());
    }
    let pdf = browser.print(&file)?;
    if !pdf.starts_with(b"%PDF") {
        return Err("it cannot be printed".into());
    }
    Ok(())
}

fn golden_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/report/structure.golden")
}

/// The structure without what differs from run to run.
fn stable(stage: &Stage<'_>, structure: &str) -> Result<String> {
    let labels = stage.labels()?;
    let (full, diff) = (&labels[0], &labels[1]);
    let text = structure.replace(diff, "DIFF").replace(full, "FULL");
    let host = rustix::system::uname();
    let text = text.replace(&*host.nodename().to_string_lossy(), "HOST");
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    Ok(regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d")?
        .replace_all(&text, "TIME")
        .into_owned())
}

fn between(text: &str, from: &str, to: &str) -> Result<String> {
    let rest = text.split_once(from).map(|(_, rest)| rest);
    let part = rest
        .and_then(|rest| rest.split_once(to))
        .map(|(part, _)| part);
    Ok(part.ok_or_else(|| text.to_owned())?.to_owned())
}
