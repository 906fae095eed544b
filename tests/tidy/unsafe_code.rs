//! Unsafe code is denied by lint; whoever lifts the lint must be listed here with a reason.

use crate::tree::{no_findings, rust_files};

/// Path and reason of each file that may hold unsafe code. None is expected.
const UNSAFE: &[(&str, &str)] = &[];

#[test]
fn unsafe_code_is_only_where_it_is_listed() {
    // Put together here so that this file does not find itself.
    let lifted = ["allow(", "expect("].map(|how| format!("{how}{}", "unsafe_code"));
    let findings: Vec<String> = rust_files()
        .iter()
        .filter(|file| lifted.iter().any(|text| file.text.contains(text)))
        .filter(|file| !UNSAFE.iter().any(|(path, _)| *path == file.path))
        .map(|file| file.path.clone())
        .collect();
    no_findings("files that lift the lint against unsafe code", &findings);
}

#[test]
fn the_lint_is_on_for_every_crate() {
    let findings: Vec<String> = crate::tree::files()
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml"))
        .filter(|file| !file.text.contains("[lints]\nworkspace = true"))
        .map(|file| file.path.clone())
        .collect();
    no_findings("crates without the shared lints", &findings);
}
