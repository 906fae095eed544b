//! One case of the contract, and what the cases have in common.

use crate::copy::{read_all, write_all};
use crate::error::Error;
use crate::info::{FileInfo, InfoLevel};
use crate::options::{ListOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::storage::Storage;

/// One behaviour and whether a storage must show it. `S` is the trait whose behaviour it is.
#[derive(Debug)]
pub struct Case<S: ?Sized> {
    /// A sentence, as the name of a test.
    pub name: &'static str,
    /// Whether the storage has what the case is about.
    pub needs: fn(&S) -> bool,
    /// Panics when the storage behaves otherwise. The storage is empty at the start.
    pub run: fn(&S),
}

/// Builds a table of cases from functions, each with what the storage must have for it.
macro_rules! behaviors {
    ($of:ty: $($name:ident $(if $has:ident)?),+ $(,)?) => {
        pub(super) fn cases() -> Vec<super::case::Case<$of>> {
            vec![$(super::case::Case {
                name: stringify!($name),
                needs: |_storage| true $(&& _storage.$has().is_some())?,
                run: $name,
            }),+]
        }
    };
}
pub(super) use behaviors;

/// A path, shorter to write.
pub(super) fn at(path: &str) -> StoragePath {
    StoragePath::new(path)
}

/// Puts a file of the given content in place, parents included.
pub(super) fn put(storage: &dyn Storage, path: &str, content: &[u8]) {
    let written = write_all(storage, &at(path), &WriteOptions::default(), content)
        .expect("a file can be written");
    assert_eq!(
        written.size,
        content.len() as u64,
        "the ticket tells the size of {path}"
    );
}

/// Content of a file, `None` when it is missing.
pub(super) fn content(storage: &dyn Storage, path: &str) -> Option<Vec<u8>> {
    read_all(storage, &at(path), 64 << 20).expect("a file can be read")
}

pub(super) fn info(storage: &dyn Storage, path: &str) -> Option<FileInfo> {
    storage
        .info(&at(path), InfoLevel::Detail)
        .expect("an entry can be looked up")
}

/// Sorted bare names below a directory.
pub(super) fn names(storage: &dyn Storage, path: &str) -> Vec<String> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
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

/// The text of an error must be this. One that comes from another host has that host's name in front.
pub(super) fn says(error: &Error, text: &str) {
    let said = error.to_string();
    match error.elsewhere {
        Some(_) => assert!(said.ends_with(text), "{said}"),
        None => assert_eq!(said, text),
    }
}

/// Makes a symbolic link; for cases that need them.
pub(super) fn link(storage: &dyn Storage, path: &str, destination: &[u8]) {
    storage
        .as_symbolic_links()
        .expect("the case needs symbolic links")
        .link(&at(path), destination)
        .expect("a link can be made");
}

/// Makes a directory; for cases that need them.
pub(super) fn directory(storage: &dyn Storage, path: &str) {
    storage
        .as_paths()
        .expect("the case needs directories")
        .create_path(&at(path), 0o750)
        .expect("a directory can be made");
}

/// Options of a file that gets its own name at once.
pub(super) fn in_place() -> WriteOptions {
    WriteOptions {
        mode: WriteMode::InPlace,
        ..WriteOptions::default()
    }
}
