//! A module is named for the noun it defines or the step it performs: no drawers for odds and ends.

use crate::tree::{no_findings, rust_files};

const DRAWERS: &[&str] = &[
    "common", "helper", "helpers", "manager", "misc", "shared", "types", "util", "utils",
];

#[test]
fn no_module_is_a_drawer() {
    let findings: Vec<String> = rust_files()
        .iter()
        .filter(|file| {
            file.path
                .trim_end_matches(".rs")
                .split('/')
                .any(|part| DRAWERS.contains(&part))
        })
        .map(|file| file.path.clone())
        .collect();
    no_findings("modules named for nothing", &findings);
}

#[test]
fn a_module_with_parts_is_one_folder_with_a_mod_file() {
    let files = rust_files();
    let findings: Vec<String> = files
        .iter()
        .filter(|file| !matches!(file.name(), "mod.rs" | "lib.rs" | "main.rs"))
        .filter(|file| {
            let folder = format!("{}/", file.path.trim_end_matches(".rs"));
            files.iter().any(|other| other.path.starts_with(&folder))
        })
        .map(|file| file.path.clone())
        .collect();
    no_findings("a file and a folder for one module", &findings);
}
