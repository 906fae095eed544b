//! The guide to monitoring names every metric of ours, and none that is not there.

use std::collections::BTreeSet;

use crate::{path, text};

/// The names that the sources of a directory declare.
fn declared(directory: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(path(directory)).expect("sources are there") {
        let source = entry.expect("an entry").path();
        if source.ends_with("tests.rs") {
            continue;
        }
        let source = std::fs::read_to_string(source).expect("a source is text");
        for declared in source.split("Metric::").skip(1) {
            let Some((kind, rest)) = declared.split_once('(') else {
                continue;
            };
            let unit = match kind {
                "seconds" => "_seconds",
                "bytes" => "_bytes",
                _ => "",
            };
            let name = rest.split('"').nth(1).unwrap_or_default();
            names.insert(format!("{name}{unit}"));
        }
    }
    assert!(names.len() > 10, "{names:?}");
    names
}

#[test]
fn the_guide_to_monitoring_names_every_metric_of_ours() {
    let ours = declared("crates/command/src/metrics/ours");
    let page = text("docs/guide/monitoring.md");
    let named: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `pgkeep_")?.split('`').next())
        .map(|name| format!("pgkeep_{}", name.split('{').next().unwrap_or_default()))
        .collect();
    assert_eq!(named, ours);
}

#[test]
fn rules_of_the_guide_are_about_metrics_that_there_are() {
    let mut known = declared("crates/command/src/metrics/ours");
    known.extend(declared("crates/command/src/metrics/exporter"));
    let page = text("docs/guide/monitoring.md");
    let rules = page.split("```yaml\n").nth(1).expect("there are rules");
    let rules = rules.split("```").next().unwrap_or_default();
    let named: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .flat_map(|expression| {
            expression.split(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        })
        .filter(|word| word.starts_with("pgkeep_") || word.starts_with("pgbackrest_"))
        .collect();
    assert!(named.len() > 4, "{named:?}");
    for name in named {
        assert!(known.contains(name), "{name} is none of {known:?}");
    }
}
