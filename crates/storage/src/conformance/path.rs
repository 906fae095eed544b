//! Behaviour of directories and links: `create_path`, `create_paths`, `sync_paths`, `link`, `hard_link`.

use super::{at, behaviors, content, info, names, put};
use crate::error::{ErrorKind, Operation};
use crate::storage::{FileType, Storage};

behaviors! {
    a_directory_is_made_with_its_parents if paths,
    many_directories_are_made if paths,
    a_file_in_the_way_of_a_directory_is_an_error if paths,
    a_directory_gets_the_mode_asked_for if owner,
    a_missing_directory_cannot_be_synced if path_sync,
    directories_are_synced if paths,
    a_link_replaces_a_link if symlinks,
    a_file_is_read_through_a_link if symlinks,
    a_link_is_quietly_not_made_without_the_feature,
    a_hard_link_is_the_same_file if hardlinks,
}

fn a_directory_is_made_with_its_parents(storage: &dyn Storage) {
    for _ in 0..2 {
        storage.create_path(&at("a/b/c"), 0o750).unwrap();
        assert_eq!(info(storage, "a/b/c").unwrap().kind, FileType::Path);
    }
}

fn many_directories_are_made(storage: &dyn Storage) {
    let paths = [at("x/y/z"), at("x"), at("x/y"), at("w/v"), at("x/y/z")];
    storage.create_paths(&paths, 0o750).unwrap();
    for path in paths {
        assert_eq!(
            info(storage, &path.to_string()).unwrap().kind,
            FileType::Path
        );
    }
    storage.create_paths(&[], 0o750).unwrap();
}

fn a_file_in_the_way_of_a_directory_is_an_error(storage: &dyn Storage) {
    put(storage, "file", b"x");
    for path in ["file", "file/below"] {
        let error = storage.create_path(&at(path), 0o750).unwrap_err();
        assert_eq!(error.operation, Operation::CreatePath);
    }
    assert_eq!(content(storage, "file").as_deref(), Some(&b"x"[..]));
}

fn a_directory_gets_the_mode_asked_for(storage: &dyn Storage) {
    storage.create_path(&at("dir/inner"), 0o700).unwrap();
    assert_eq!(info(storage, "dir/inner").unwrap().mode, 0o700);
    assert_eq!(info(storage, "dir").unwrap().mode, 0o700);
}

fn a_missing_directory_cannot_be_synced(storage: &dyn Storage) {
    storage.create_path(&at("there"), 0o750).unwrap();
    let error = storage
        .sync_paths(&[at("there"), at("missing")])
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.operation),
        (ErrorKind::NotFound, Operation::SyncPath)
    );
    assert_eq!(
        error.to_string(),
        format!(
            "unable to sync missing path '{}'",
            storage.display(&at("missing"))
        )
    );
}

fn directories_are_synced(storage: &dyn Storage) {
    storage.create_paths(&[at("a/b"), at("c")], 0o750).unwrap();
    storage
        .sync_paths(&[at("a/b"), at("a"), at("c"), at("")])
        .unwrap();
    if !storage.features().path_sync {
        storage.sync_paths(&[at("missing")]).unwrap();
    }
}

fn a_link_replaces_a_link(storage: &dyn Storage) {
    for destination in [&b"first"[..], b"second", b"second", b"/absolute/and/\xff"] {
        storage.link(&at("link"), destination).unwrap();
        assert_eq!(
            info(storage, "link").unwrap().link_destination.as_deref(),
            Some(destination)
        );
    }
    assert_eq!(names(storage, ""), ["link"]);
}

fn a_file_is_read_through_a_link(storage: &dyn Storage) {
    put(storage, "set/one/file", b"content");
    storage.link(&at("set/latest"), b"one").unwrap();
    assert_eq!(
        content(storage, "set/latest/file").as_deref(),
        Some(&b"content"[..])
    );
    assert_eq!(names(storage, "set/latest"), ["file"]);
}

fn a_link_is_quietly_not_made_without_the_feature(storage: &dyn Storage) {
    storage.link(&at("link"), b"anywhere").unwrap();
    assert_eq!(info(storage, "link").is_some(), storage.features().symlinks);
}

fn a_hard_link_is_the_same_file(storage: &dyn Storage) {
    put(storage, "first/file", b"content");
    storage.create_path(&at("second"), 0o750).unwrap();
    storage
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
    let error = storage
        .hard_link(&at("missing"), &at("second/other"))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.operation),
        (ErrorKind::NotFound, Operation::HardLink)
    );
}
