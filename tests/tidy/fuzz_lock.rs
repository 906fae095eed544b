//! The fuzz targets are a workspace of their own, whose lock file nothing else brings up to date: `make fuzz` would refuse it.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{no_findings, root};

/// What each package of ours depends on, by a lock file; versions, which differ between lock files, are left out.
fn ours(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join(lock)).expect("the lock file is committed");
    let mut packages = BTreeMap::new();
    for package in text.split("[[package]]").skip(1) {
        let mut lines = package.lines().map(str::trim);
        let name = lines
            .find_map(|line| line.strip_prefix("name = "))
            .unwrap_or_default()
            .trim_matches('"');
        // Packages of ours have no source.
        if !name.starts_with("pgkeep-") || package.contains("\nsource = ") {
            continue;
        }
        let dependencies = package
            .lines()
            .filter_map(|line| line.strip_prefix(" \""))
            .filter_map(|line| line.split(['"', ' ']).next())
            .map(str::to_owned)
            .collect();
        packages.insert(name.to_owned(), dependencies);
    }
    packages
}

#[test]
fn the_lock_file_of_the_fuzz_targets_is_up_to_date() {
    let mut findings = Vec::new();
    let locked = ours("fuzz/Cargo.lock");
    assert!(locked.len() > 5, "packages of ours: {:?}", locked.keys());
    for (name, dependencies) in locked {
        let declared = Declared::of(&name);
        let unknown: Vec<_> = dependencies.difference(&declared.all).collect();
        let missing: Vec<_> = declared.required.difference(&dependencies).collect();
        if !unknown.is_empty() || !missing.is_empty() {
            findings.push(format!(
                "fuzz/Cargo.lock: {name} has {unknown:?} too many and lacks {missing:?}: run 'cargo update --workspace' in fuzz/"
            ));
        }
    }
    no_findings("lock file of the fuzz targets", &findings);
}

/// The names under `[dependencies]` of a crate of ours. What only its tests need is in no lock file but its workspace's.
#[derive(Default)]
struct Declared {
    all: BTreeSet<String>,
    /// Those that are not optional.
    required: BTreeSet<String>,
}

impl Declared {
    fn of(package: &str) -> Self {
        let path = match package.trim_start_matches("pgkeep-") {
            "fuzz" => "fuzz/Cargo.toml".to_owned(),
            folder => format!("crates/{folder}/Cargo.toml"),
        };
        let text = std::fs::read_to_string(root().join(path)).expect("a crate of ours");
        let mut within = false;
        let mut declared = Self::default();
        for line in text.lines() {
            if line.starts_with('[') {
                within = line.trim() == "[dependencies]";
            } else if within
                && !line.starts_with('#')
                && let Some((name, _)) = line.split_once(['=', '.'])
            {
                let name = name.trim().to_owned();
                if !line.contains("optional = true") {
                    declared.required.insert(name.clone());
                }
                declared.all.insert(name);
            }
        }
        declared
    }
}
