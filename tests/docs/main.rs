//! Pages that are made from the code are up to date, and tables that must be complete are.
//!
//! Pages under `docs/reference` are written by this suite: `make docs` (that is `PGKEEP_GOLDEN=write`) replaces them, any
//! other run compares. Needs nothing but the sources.

#![allow(clippy::disallowed_methods)] // reads pages and sources of the project

mod anchors;
mod block_maps;
mod command_lines;
mod error_texts;
mod exit_codes;
mod metrics;
mod not_yet;
mod own_commands;
mod performance;
mod readme;
mod reference;

use std::path::{Path, PathBuf};

/// A page or source file of the project by its path from the root.
fn path(relative: &str) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .ancestors()
        .nth(2)
        .expect("the crate lies two folders below the root")
        .join(relative)
}

/// Its text.
fn text(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// Compares a page that is made from the code, or writes it.
fn generated(relative: &str, page: &str) {
    if let Err(error) = pgkeep_testkit::golden::check(&path(relative), page) {
        panic!("{error}\nthe page is made from the code: `make docs` writes it anew");
    }
}
