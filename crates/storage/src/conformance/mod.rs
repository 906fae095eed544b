//! The contract of a storage as runnable cases: one function for each `# Behavior` bullet of the traits.
//!
//! A backend's test hands [`run`] a way to make an empty storage; the cases are picked by what the storage says it can
//! do. Nothing here knows a particular backend. Cases panic with what was expected, as tests do.

mod file_tree;
mod info;
mod list;
mod path;
mod read;
mod remove;
mod write;

use crate::copy::{read_all, write_all};
use crate::path::StoragePath;
use crate::storage::{Features, FileInfo, InfoLevel, ListOptions, Storage, WriteOptions};

/// One behaviour and whether a storage with some features must show it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// A sentence, as the name of a test.
    pub name: &'static str,
    /// Whether the case makes sense for a storage with these features.
    pub needs: fn(&Features) -> bool,
    /// Panics when the storage behaves otherwise. The storage is empty at the start.
    pub run: fn(&dyn Storage),
}

/// Builds a table of cases from functions, each with what it needs.
macro_rules! behaviors {
    ($($name:ident $(if $feature:ident)?),+ $(,)?) => {
        pub(super) fn cases() -> Vec<super::Case> {
            vec![$(super::Case {
                name: stringify!($name),
                needs: |_features| true $(&& _features.$feature)?,
                run: $name,
            }),+]
        }
    };
}
use behaviors;

/// Every case there is.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        info::cases(),
        list::cases(),
        read::cases(),
        write::cases(),
        remove::cases(),
        path::cases(),
        file_tree::cases(),
    ]
    .concat()
}

/// Runs every case that fits, each on a storage of its own from `make` (which gets the name of the case), and returns
/// the names of the cases that ran. Panics at the first behaviour that differs.
pub fn run(make: &mut dyn FnMut(&'static str) -> Box<dyn Storage>) -> Vec<&'static str> {
    let mut done = Vec::new();
    for case in cases() {
        let storage = make(case.name);
        if (case.needs)(&storage.features()) {
            // Named before it runs: a panic then tells which case it was.
            log::info!("{:?}: {}", storage.kind(), case.name);
            let outcome =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (case.run)(&*storage)));
            assert!(
                outcome.is_ok(),
                "{:?} does not keep the contract: {}",
                storage.kind(),
                case.name
            );
            done.push(case.name);
        }
    }
    done
}

/// A path, shorter to write.
fn at(path: &str) -> StoragePath {
    StoragePath::new(path)
}

/// Puts a file of the given content in place, parents included.
fn put(storage: &dyn Storage, path: &str, content: &[u8]) {
    let written = write_all(storage, &at(path), &WriteOptions::default(), content)
        .expect("a file can be written");
    assert_eq!(
        written.size,
        content.len() as u64,
        "the ticket tells the size of {path}"
    );
}

/// Content of a file, `None` when it is missing.
fn content(storage: &dyn Storage, path: &str) -> Option<Vec<u8>> {
    read_all(storage, &at(path), 64 << 20).expect("a file can be read")
}

fn info(storage: &dyn Storage, path: &str) -> Option<FileInfo> {
    storage
        .info(&at(path), InfoLevel::Detail)
        .expect("an entry can be looked up")
}

/// Sorted bare names below a directory.
fn names(storage: &dyn Storage, path: &str) -> Vec<String> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
        ..ListOptions::default()
    };
    let listed = storage
        .list(&at(path), &options)
        .expect("a directory can be listed");
    listed
        .expect("the directory is there")
        .iter()
        .map(|entry| entry.name.to_string())
        .collect()
}
