//! The guide to monitoring names every metric of ours, and none that is not there.

use std::collections::BTreeSet;

use crate::{path, text};

#[test]
fn the_guide_to_monitoring_names_every_metric_of_ours() {
    let mut ours = BTreeSet::new();
    for entry in
        std::fs::read_dir(path("crates/command/src/metrics/ours")).expect("sources are there")
    {
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
            ours.insert(format!("{name}{unit}"));
        }
    }
    assert!(ours.len() > 10, "{ours:?}");
    let page = text("docs/guide/monitoring.md");
    let named: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `pgkeep_")?.split('`').next())
        .map(|name| format!("pgkeep_{}", name.split('{').next().unwrap_or_default()))
        .collect();
    assert_eq!(named, ours);
}
