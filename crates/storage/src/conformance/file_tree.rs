//! Behaviour of [`FileTree`](crate::FileTree), beyond that of every storage.

use std::io::{Read, Seek, SeekFrom, Write};

use super::case::{at, behaviors, content, in_place, info, link, names, put};
use crate::copy::write_all;
use crate::error::{ErrorKind, Operation};
use crate::file_tree::FileTree;
use crate::options::WriteOptions;

behaviors! {
    dyn FileTree:
    a_file_is_renamed_over_another,
    a_directory_is_renamed,
    renaming_a_missing_file_is_not_found,
    detail_tells_mode_and_owner,
    a_file_gets_the_mode_asked_for,
    a_file_gets_the_time_asked_for,
    a_directory_gets_the_mode_asked_for,
    a_mode_is_set,
    an_owner_is_set_on_the_link_itself,
    a_time_is_set,
    a_file_is_updated_in_place,
    a_file_system_is_synced_or_says_that_it_cannot,
}

fn a_file_is_renamed_over_another(tree: &dyn FileTree) {
    put(tree, "a/from", b"new");
    put(tree, "b/to", b"old");
    tree.rename(&at("a/from"), &at("b/to")).unwrap();
    assert_eq!(content(tree, "b/to").as_deref(), Some(&b"new"[..]));
    assert!(names(tree, "a").is_empty());
}

fn a_directory_is_renamed(tree: &dyn FileTree) {
    put(tree, "a/inner/file", b"x");
    tree.rename(&at("a"), &at("b")).unwrap();
    assert_eq!(content(tree, "b/inner/file").as_deref(), Some(&b"x"[..]));
    assert_eq!(names(tree, ""), ["b"]);
}

fn renaming_a_missing_file_is_not_found(tree: &dyn FileTree) {
    put(tree, "there", b"x");
    for (from, to) in [("missing", "new"), ("there", "missing/new")] {
        let error = tree.rename(&at(from), &at(to)).unwrap_err();
        assert_eq!(
            (error.kind(), error.operation),
            (ErrorKind::NotFound, Operation::Rename)
        );
    }
    assert_eq!(content(tree, "there").as_deref(), Some(&b"x"[..]));
}

fn a_mode_is_set(tree: &dyn FileTree) {
    put(tree, "dir/file", b"x");
    tree.set_mode(&at("dir/file"), 0o444).unwrap();
    assert_eq!(info(tree, "dir/file").unwrap().mode, 0o444);
    assert_eq!(
        tree.set_mode(&at("missing"), 0o444).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

fn an_owner_is_set_on_the_link_itself(tree: &dyn FileTree) {
    put(tree, "file", b"x");
    link(tree, "dangling", b"nowhere");
    for name in ["file", "dangling"] {
        // The present owner: everybody may set that.
        let owner = info(tree, name)
            .unwrap()
            .owner
            .expect("the tree keeps owners");
        tree.set_owner(&at(name), owner.uid, owner.gid).unwrap();
        assert_eq!(info(tree, name).unwrap().owner, Some(owner));
    }
    assert_eq!(
        tree.set_owner(&at("missing"), 0, 0).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

fn a_time_is_set(tree: &dyn FileTree) {
    put(tree, "dir/file", b"x");
    for name in ["dir/file", "dir"] {
        tree.set_modified(&at(name), 1_111_111_111).unwrap();
        assert_eq!(info(tree, name).unwrap().modified, 1_111_111_111);
    }
}

fn a_file_is_updated_in_place(tree: &dyn FileTree) {
    put(tree, "file", b"0123456789");
    let mut file = match tree.open_update(&at("file"), 0o600) {
        Ok(file) => file,
        // A tree without files of the operating system says so.
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
    assert_eq!(content(tree, "file"), Some(found));
    tree.open_update(&at("new"), 0o600).unwrap();
    assert_eq!(content(tree, "new").as_deref(), Some(&b""[..]));
    assert_eq!(
        tree.open_update(&at("missing/new"), 0o600)
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
}

fn a_file_system_is_synced_or_says_that_it_cannot(tree: &dyn FileTree) {
    put(tree, "file", b"x");
    let synced = tree.sync_file_system(&at("")).unwrap();
    if synced {
        let error = tree.sync_file_system(&at("missing")).unwrap_err();
        assert_eq!(
            (error.kind(), error.operation),
            (ErrorKind::NotFound, Operation::SyncPath)
        );
    }
}

fn detail_tells_mode_and_owner(tree: &dyn FileTree) {
    put(tree, "dir/file", b"");
    let file = info(tree, "dir/file").unwrap();
    assert_eq!(file.mode & 0o700, 0o600, "what the owner may do to a file");
    assert!(file.owner.is_some());
    assert_eq!(
        info(tree, "dir").unwrap().mode & 0o700,
        0o700,
        "what the owner may do to a directory"
    );
}

fn a_file_gets_the_mode_asked_for(tree: &dyn FileTree) {
    for options in [WriteOptions::default(), in_place()] {
        let name = format!("{:?}", options.mode);
        let options = WriteOptions {
            file_mode: 0o600,
            path_mode: 0o700,
            ..options
        };
        write_all(tree, &at("dir").join(&name), &options, b"x").unwrap();
        assert_eq!(info(tree, &format!("dir/{name}")).unwrap().mode, 0o600);
    }
    assert_eq!(info(tree, "dir").unwrap().mode, 0o700);
}

fn a_file_gets_the_time_asked_for(tree: &dyn FileTree) {
    for options in [WriteOptions::default(), in_place()] {
        let options = WriteOptions {
            modified: Some(1_234_567_890),
            ..options
        };
        write_all(tree, &at("file"), &options, b"x").unwrap();
        assert_eq!(info(tree, "file").unwrap().modified, 1_234_567_890);
    }
}

fn a_directory_gets_the_mode_asked_for(tree: &dyn FileTree) {
    tree.create_path(&at("dir/inner"), 0o700).unwrap();
    assert_eq!(info(tree, "dir/inner").unwrap().mode, 0o700);
    assert_eq!(info(tree, "dir").unwrap().mode, 0o700);
}
