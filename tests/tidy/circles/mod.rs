//! No two files of a crate use each other, neither directly nor over others.
//!
//! - A file uses another when it names something that is defined there: in a `use`, or in a path such as `super::lock::take`.
//! - A `mod.rs` counts as any other file. `mod child` and `pub use child::Thing` are no uses, so a table of contents is in no
//!   circle. One that calls `child::step` or keeps a `child::Thing` uses the child, and then the child must not use what
//!   the `mod.rs` defines: the type moves to a file of its own. A re-export is followed to the file that defines the name.
//! - Methods do not count: a parent may call what a child has written in `impl super::Thing`, but not name the child's types.
//! - Code for tests does not count.

mod exceptions;
mod imports;
mod source;
mod tokens;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::OnceLock;

use exceptions::EXCEPTIONS;
use imports::Uses;

use crate::tree::{SourceFile, no_findings, rust_files};

#[test]
fn no_files_use_each_other_in_a_circle() {
    let findings: Vec<String> = all_uses()
        .iter()
        .flat_map(|uses| circles(&without_exceptions(uses)))
        .collect();
    no_findings("circles of imports", &findings);
}

#[test]
fn exceptions_from_the_rule_of_circles_are_still_needed() {
    let all = all_uses();
    let stale: Vec<String> = EXCEPTIONS
        .iter()
        .filter(|(from, to)| {
            !all.iter().any(|uses| {
                let known = (from.to_string(), to.to_string());
                uses.contains_key(&known) && way(&neighbours(uses), to, from).is_some()
            })
        })
        .map(|(from, to)| format!("{from} -> {to}"))
        .collect();
    no_findings("exceptions that close no circle", &stale);
}

/// The uses of every crate.
fn all_uses() -> &'static [Uses] {
    static USES: OnceLock<Vec<Uses>> = OnceLock::new();
    USES.get_or_init(read_uses)
}

fn read_uses() -> Vec<Uses> {
    let files = rust_files();
    let crates: BTreeSet<String> = files
        .iter()
        .filter_map(|file| {
            let (folder, _) = file.path.strip_prefix("crates/")?.split_once("/src/")?;
            Some(format!("crates/{folder}/src/"))
        })
        .collect();
    assert!(crates.len() > 5, "the crates were not found");
    crates
        .iter()
        .map(|folder| imports::uses(&files, folder))
        .collect()
}

fn without_exceptions(uses: &Uses) -> Uses {
    let mut uses = uses.clone();
    uses.retain(|(from, to), _| !EXCEPTIONS.contains(&(from.as_str(), to.as_str())));
    uses
}

type Neighbours<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn neighbours(uses: &Uses) -> Neighbours<'_> {
    let mut found = Neighbours::new();
    for (from, to) in uses.keys() {
        found.entry(from).or_default().push(to);
    }
    found
}

/// Circles that have no use in common, the shortest first, each told as a chain.
fn circles(uses: &Uses) -> Vec<String> {
    let mut uses = uses.clone();
    let mut found = Vec::new();
    loop {
        let graph = neighbours(&uses);
        let shortest = uses
            .keys()
            .filter_map(|(from, to)| {
                let mut chain = vec![from.clone()];
                chain.extend(way(&graph, to, from)?.iter().map(|file| file.to_string()));
                Some(chain)
            })
            .min_by_key(Vec::len);
        let Some(chain) = shortest else {
            return found;
        };
        let mut told = String::new();
        for pair in chain.windows(2) {
            let said = uses
                .remove(&(pair[0].clone(), pair[1].clone()))
                .unwrap_or_default();
            told.push_str(&format!("{}:{said}\n    -> ", pair[0]));
        }
        found.push(format!("{told}{}", chain[0]));
    }
}

/// The shortest way from one file to another, both included.
fn way<'a>(graph: &Neighbours<'a>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&str, &'a str> = BTreeMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(file) = waiting.pop_front() {
        if file == to {
            let mut chain = vec![file];
            let mut at = file;
            while at != from {
                at = came_from[at];
                chain.push(at);
            }
            chain.reverse();
            return Some(chain);
        }
        for next in graph.get(file).into_iter().flatten() {
            if *next != from && !came_from.contains_key(next) {
                came_from.insert(next, file);
                waiting.push_back(next);
            }
        }
    }
    None
}

/// The circles of a crate made up of these files.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<SourceFile> = files
        .iter()
        .map(|(path, text)| SourceFile {
            path: format!("crates/made/src/{path}"),
            text: (*text).to_owned(),
        })
        .collect();
    circles(&imports::uses(&files, "crates/made/src/"))
}

#[test]
fn two_files_and_a_chain_are_found_and_named() {
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "\npub struct B; fn f() { super::a::A::new() }"),
        ("c.rs", "use crate::{d, b::B}; pub const C: u8 = d::D;"),
        (
            "d.rs",
            "use super::e::{self, E as Other}; pub const D: u8 = 1;",
        ),
        ("e.rs", "pub struct E; impl Trait<crate::c::C> for E {}"),
    ]);
    assert_eq!(
        found,
        [
            "crates/made/src/a.rs:1: crate::b::B\n    -> \
             crates/made/src/b.rs:2: super::a::A::new\n    -> crates/made/src/a.rs",
            "crates/made/src/c.rs:1: d::D\n    -> crates/made/src/d.rs:1: super::e::E\n    -> \
             crates/made/src/e.rs:1: crate::c::C\n    -> crates/made/src/c.rs",
        ]
    );
}

#[test]
fn a_type_in_a_mod_file_that_uses_its_child_is_found() {
    let child = (
        "pool/child.rs",
        "use super::Pool; pub fn grow(pool: &Pool) {}",
    );
    for uses_child in [
        "mod child; pub struct Pool; fn f() { child::grow() }",
        "mod child; use child::grow; pub struct Pool;",
        "mod child; pub use child::grow; pub struct Pool; fn f() { grow() }",
        "mod child; pub(crate) use child::*; pub struct Pool; fn f() { grow() }",
        "mod child; pub struct Pool; fn f() { crate::pool::child::grow() }",
    ] {
        let found = circles_of(&[("lib.rs", "mod pool;"), ("pool/mod.rs", uses_child), child]);
        assert_eq!(found.len(), 1, "{uses_child}: {found:?}");
    }
}

#[test]
fn a_circle_over_a_re_export_or_a_name_of_the_parent_is_found() {
    let found = circles_of(&[
        ("main.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "use crate::b; pub struct A; fn f(of: b::B) {}"),
        (
            "b/mod.rs",
            "mod inner; use crate::c::C as Other; pub use inner::*;",
        ),
        ("b/inner.rs", "use super::Other; pub struct B(Other);"),
        ("c.rs", "use crate::A; pub struct C(A);"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].matches("->").count(), 3, "{found:?}");
}

#[test]
fn variants_and_what_stands_behind_items_for_tests_are_found() {
    for uses_b in [
        "use crate::b::Kind::*; pub struct A;",
        "#[cfg(test)] enum Made { One } use crate::b::Kind; pub struct A;",
        "#[cfg(test)] pub trait Made { fn one(); } use crate::b::Kind; pub struct A;",
    ] {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", uses_b),
            ("b.rs", "pub enum Kind { One(crate::a::A) }"),
        ]);
        assert_eq!(found.len(), 1, "{uses_b}: {found:?}");
    }
}

#[test]
fn tables_of_contents_tests_and_text_are_no_circles() {
    let found = circles_of(&[
        (
            "lib.rs",
            "pub mod a; mod b; #[cfg(test)] mod testing; pub use a::A; pub use b::*; pub struct Root;",
        ),
        (
            "a.rs",
            "use crate::Root; use super::b; pub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        (
            "b.rs",
            "use crate::a::A; // crate::c::C\npub struct B; const T: &str = \"crate::b::B\"; fn c() -> char { '\"' }\n\
             #[cfg(test)] fn only() { super::Root::new() }",
        ),
        ("testing.rs", "use crate::a::A;"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}
