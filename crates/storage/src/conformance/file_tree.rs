//! Behaviour of [`FileTree`](crate::FileTree), for storages that are one.

use std::io::{Read, Seek, SeekFrom, Write};

use super::{at, behaviors, content, info, names, put};
use crate::error::{ErrorKind, Operation};
use crate::storage::Storage;

behaviors! {
    a_file_is_renamed_over_another,
    a_directory_is_renamed if paths,
    renaming_a_missing_file_is_not_found,
    a_mode_is_set if owner,
    an_owner_is_set_on_the_link_itself if symlinks,
    a_time_is_set,
    a_file_is_updated_in_place,
    a_file_system_is_synced_or_says_that_it_cannot,
}

fn a_file_is_renamed_over_another(storage: &dyn Storage) {
    let Some(tree) = storage.as_file_tree() else {
        return;
    };
    put(storage, "a/from", b"new");
    put(storage, "b/to", b"old");
    tree.rename(&at("a/from"), &at("b/to")).unwrap();
    assert_eq!(content(storage, "b/to").as_deref(), Some(&b"new"[..]));
    assert!(names(storage, "a").is_empty());
}

fn a_directory_is_renamed(storage: &dyn Storage) {
    let Some(tree) = storage.as_file_tree() else {
        return;
    };
    put(storage, "a/inner/file", b"x");
    tree.rename(&at("a"), &at("b")).unwrap();
    assert_eq!(content(storage, "b/inner/file").as_deref(), Some(&b"x"[..]));
    assert_eq!(names(storage, ""), ["b"]);
}

fn renaming_a_missing_file_is_not_found(storage: &dyn Storage) {
    let Some(tree) = storage.as_file_tree() else {
        return;
    };
    put(storage, "there", b"x");
    for (from, to) in [("missing", "new"), ("there", "missing/new")] {
        let error = tree.rename(&at(from), &at(to)).unwrap_err();
        assert_eq!(
            (error.kind(), error.operation),
            (ErrorKind::NotFound, Operation::Rename)
        );
    }
    assert_eq!(content(storage, "there").as_deref(), Some(&b"x"[..]));
}

fn a_mode_is_set(storage: &dyn Storage) {
    let Some(tree) = storage.as_file_tree() else {
        return;
    };
    put(storage, "dir/file", b"x");
    tree.set_mode(&at("dir/file"), 0o444).unwrap();
    assert_eq!(info(storage, "dir/file").unwrap().mode, 0o444);
    assert_eq!(
        tree.set_mode(&at("missing"), 0o444).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

fn an_owner_is_set_on_the_link_itself(storage: &dyn Storage) {
    let Some(tree) = storage.as_file_tree() else {
        return;
    };
    put(storage, "file", b"x");
    storage.link(&at("dangling"), b"nowhere").unwrap();
    for name in ["file", "dangling"] {
        // The present owner: everybody may set that.
        let owner = info(storage, name)
            .unwrap()
            .owner
            .expect("the storage keeps owners");
        tree.set_owner(&at(name), owner.uid, owner.gid).unwrap();
        assert_eq!(info(storage, name).unwrap().owner, Some(owner));
    }
    assert_eq!(
        tree.set_owner(&at("missing"), 0, 0).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

fn a_time_is_set(storage: &dyn Storage) {
    let Some(tree) = storage.as_file_tree() else {
        return;
    };
    put(storage, "dir/file", b"x");
    for name in ["dir/file", "dir"] {
        tree.set_modified(&at(name), 1_111_111_111).unwrap();
        assert_eq!(info(storage, name).unwrap().modified, 1_111_111_111);
    }
}

fn a_file_is_updated_in_place(storage: &dyn Storage) {
    let Some(tree) = storage.as_file_tree() else {
        return;
    };
    put(storage, "file", b"0123456789");
    let mut file = match tree.open_update(&at("file"), 0o600) {
        Ok(file) => file,
        // A storage without files of the operating system says so.
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Unsupported),
    };
    file.seek(SeekFrom::Start(2)).unwrap();
    file.write_all(b"ab").unwrap();
    // Longer without writing: the gap reads as zeros and takes no room.
    file.set_len(12).unwrap();
    file.rewind().unwrap();
    let mut found = Vec::new();
    file.read_to_end(&mut found).unwrap();
    assert_eq!(found, b"01ab456789\0\0");
    drop(file);
    assert_eq!(content(storage, "file"), Some(found));
    tree.open_update(&at("new"), 0o600).unwrap();
    assert_eq!(content(storage, "new").as_deref(), Some(&b""[..]));
    assert_eq!(
        tree.open_update(&at("missing/new"), 0o600)
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
}

fn a_file_system_is_synced_or_says_that_it_cannot(storage: &dyn Storage) {
    let Some(tree) = storage.as_file_tree() else {
        return;
    };
    put(storage, "file", b"x");
    let synced = tree.sync_file_system(&at("")).unwrap();
    if synced {
        let error = tree.sync_file_system(&at("missing")).unwrap_err();
        assert_eq!(
            (error.kind(), error.operation),
            (ErrorKind::NotFound, Operation::SyncPath)
        );
    }
}
