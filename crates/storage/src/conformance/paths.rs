//! Behaviour of what a storage may have beyond files: directories, their durability, links.

use super::case::{at, behaviors, content, directory, info, link, names, put, says};
use crate::error::{ErrorKind, Operation};
use crate::info::FileType;
use crate::paths::{HardLinks, PathSync, Paths};
use crate::storage::Storage;

behaviors! {
    dyn Storage:
    a_directory_is_made_with_its_parents if as_paths,
    many_directories_are_made if as_paths,
    a_file_in_the_way_of_a_directory_is_an_error if as_paths,
    a_missing_directory_cannot_be_synced if as_path_sync,
    directories_are_synced if as_path_sync,
    a_link_replaces_a_link if as_symbolic_links,
    a_file_is_read_through_a_link if as_symbolic_links,
    a_hard_link_is_the_same_file if as_hard_links,
}

fn paths(storage: &dyn Storage) -> &dyn Paths {
    storage.as_paths().expect("the case needs directories")
}

fn path_sync(storage: &dyn Storage) -> &dyn PathSync {
    storage
        .as_path_sync()
        .expect("the case needs directories that can be synced")
}

fn hard_links(storage: &dyn Storage) -> &dyn HardLinks {
    storage.as_hard_links().expect("the case needs hard links")
}

fn a_directory_is_made_with_its_parents(storage: &dyn Storage) {
    for _ in 0..2 {
        directory(storage, "a/b/c");
        assert_eq!(info(storage, "a/b/c").unwrap().kind, FileType::Path);
    }
}

fn many_directories_are_made(storage: &dyn Storage) {
    let names = [at("x/y/z"), at("x"), at("x/y"), at("w/v"), at("x/y/z")];
    paths(storage).create_paths(&names, 0o750).unwrap();
    for path in names {
        assert_eq!(
            info(storage, &path.to_string()).unwrap().kind,
            FileType::Path
        );
    }
    paths(storage).create_paths(&[], 0o750).unwrap();
}

fn a_file_in_the_way_of_a_directory_is_an_error(storage: &dyn Storage) {
    put(storage, "file", b"x");
    for path in ["file", "file/below"] {
        let error = paths(storage).create_path(&at(path), 0o750).unwrap_err();
        assert_eq!(error.operation, Operation::CreatePath);
    }
    assert_eq!(content(storage, "file").as_deref(), Some(&b"x"[..]));
}

fn a_missing_directory_cannot_be_synced(storage: &dyn Storage) {
    put(storage, "there/file", b"x");
    let error = path_sync(storage)
        .sync_paths(&[at("there"), at("missing")])
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.operation),
        (ErrorKind::NotFound, Operation::SyncPath)
    );
    let name = storage.display(&at("missing"));
    says(&error, &format!("unable to sync missing path '{name}'"));
}

fn directories_are_synced(storage: &dyn Storage) {
    put(storage, "a/b/file", b"x");
    put(storage, "c/file", b"x");
    path_sync(storage)
        .sync_paths(&[at("a/b"), at("a"), at("c"), at("")])
        .unwrap();
}

fn a_link_replaces_a_link(storage: &dyn Storage) {
    for destination in [&b"first"[..], b"second", b"second", b"/absolute/and/\xff"] {
        link(storage, "link", destination);
        assert_eq!(
            info(storage, "link").unwrap().link_destination.as_deref(),
            Some(destination)
        );
    }
    assert_eq!(names(storage, ""), ["link"]);
}

fn a_file_is_read_through_a_link(storage: &dyn Storage) {
    put(storage, "set/one/file", b"content");
    link(storage, "set/latest", b"one");
    assert_eq!(
        content(storage, "set/latest/file").as_deref(),
        Some(&b"content"[..])
    );
    assert_eq!(names(storage, "set/latest"), ["file"]);
}

fn a_hard_link_is_the_same_file(storage: &dyn Storage) {
    put(storage, "first/file", b"content");
    put(storage, "second/else", b"x");
    hard_links(storage)
        .hard_link(&at("first/file"), &at("second/file"))
        .unwrap();
    assert_eq!(
        content(storage, "second/file").as_deref(),
        Some(&b"content"[..])
    );
    storage.remove(&at("first/file")).unwrap();
    assert_eq!(
        content(storage, "second/file").as_deref(),
        Some(&b"content"[..])
    );
    let error = hard_links(storage)
        .hard_link(&at("missing"), &at("second/other"))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.operation),
        (ErrorKind::NotFound, Operation::HardLink)
    );
}
