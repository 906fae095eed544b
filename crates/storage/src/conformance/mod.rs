//! The contract of a storage as runnable cases: one function for each `# Behavior` bullet of the traits.
//!
//! A backend's test hands [`run`] a way to make an empty storage; the cases are picked by what the storage has beyond
//! files. [`run_file_tree`] does the same for a [`FileTree`]. Nothing here knows a particular backend. Cases panic with
//! what was expected, as tests do.

mod case;
mod file_tree;
mod info;
mod list;
mod paths;
mod read;
mod remove;
mod write;

use crate::file_tree::FileTree;
use crate::storage::Storage;

pub use case::Case;

/// Every case of the contract of [`Storage`], and of the extensions that a storage may have.
#[must_use]
pub fn cases() -> Vec<Case<dyn Storage>> {
    let mut all = info::cases();
    all.extend(list::cases());
    all.extend(read::cases());
    all.extend(write::cases());
    all.extend(remove::cases());
    all.extend(paths::cases());
    all
}

/// Runs every case that fits, each on a storage of its own from `make` (which gets the name of the case), and returns
/// the names of the cases that ran. Panics at the first behaviour that differs.
pub fn run(make: &mut dyn FnMut(&'static str) -> Box<dyn Storage>) -> Vec<&'static str> {
    let mut done = Vec::new();
    for case in cases() {
        let storage = make(case.name);
        if (case.needs)(&*storage) {
            observe(case.name, &*storage, &|| (case.run)(&*storage));
            done.push(case.name);
        }
    }
    done
}

/// Runs what a [`FileTree`] must show beyond [`run`], each case on a tree of its own from `make`.
pub fn run_file_tree(make: &mut dyn FnMut(&'static str) -> Box<dyn FileTree>) {
    for case in file_tree::cases() {
        let tree = make(case.name);
        observe(case.name, &*tree, &|| (case.run)(&*tree));
    }
}

fn observe(name: &'static str, storage: &dyn Storage, case: &dyn Fn()) {
    // Named before it runs: a panic then tells which case it was.
    log::info!("{:?}: {name}", storage.kind());
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(case));
    assert!(
        outcome.is_ok(),
        "{:?} does not keep the contract: {name}",
        storage.kind(),
    );
}
