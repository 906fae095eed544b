//! Behaviour of `info` and `info_many`.

use super::{at, behaviors, info, put};
use crate::storage::{FileType, InfoLevel, Storage};

behaviors! {
    a_missing_entry_is_none,
    a_file_tells_its_size_and_time,
    a_directory_is_a_path if paths,
    a_link_is_reported_as_a_link if symlinks,
    detail_tells_mode_and_owner if owner,
    info_many_equals_info_for_each,
    space_of_a_missing_path_is_none,
}

fn a_missing_entry_is_none(storage: &dyn Storage) {
    for level in [
        InfoLevel::Exists,
        InfoLevel::Type,
        InfoLevel::Basic,
        InfoLevel::Detail,
    ] {
        assert_eq!(storage.info(&at("missing"), level).unwrap(), None);
        assert_eq!(storage.info(&at("missing/below/it"), level).unwrap(), None);
    }
}

fn a_file_tells_its_size_and_time(storage: &dyn Storage) {
    put(storage, "dir/file", b"seven b");
    let found = storage
        .info(&at("dir/file"), InfoLevel::Basic)
        .unwrap()
        .expect("the file is there");
    assert_eq!(
        (found.name, found.kind, found.size),
        (at("dir/file"), FileType::File, 7)
    );
    assert!(
        found.modified > 1_500_000_000,
        "a time since 1970: {}",
        found.modified
    );
}

fn a_directory_is_a_path(storage: &dyn Storage) {
    storage.create_path(&at("dir"), 0o750).unwrap();
    let found = storage
        .info(&at("dir"), InfoLevel::Basic)
        .unwrap()
        .expect("the directory is there");
    assert_eq!((found.kind, found.size), (FileType::Path, 0));
}

fn a_link_is_reported_as_a_link(storage: &dyn Storage) {
    put(storage, "file", b"content");
    storage.link(&at("link"), b"file").unwrap();
    storage.link(&at("nowhere"), b"../no/such").unwrap();
    let found = info(storage, "link").expect("the link is there");
    assert_eq!(
        (found.kind, found.size, found.link_destination.as_deref()),
        (FileType::Link, 0, Some(&b"file"[..]))
    );
    let dangling = info(storage, "nowhere").expect("a link that leads nowhere is there too");
    assert_eq!(
        dangling.link_destination.as_deref(),
        Some(&b"../no/such"[..])
    );
}

fn detail_tells_mode_and_owner(storage: &dyn Storage) {
    put(storage, "dir/file", b"");
    let file = info(storage, "dir/file").unwrap();
    assert_eq!(file.mode & 0o700, 0o600, "what the owner may do to a file");
    assert!(file.owner.is_some());
    assert_eq!(
        info(storage, "dir").unwrap().mode & 0o700,
        0o700,
        "what the owner may do to a directory"
    );
}

fn info_many_equals_info_for_each(storage: &dyn Storage) {
    put(storage, "a", b"1");
    put(storage, "b/c", b"22");
    let paths = [
        at("b/c"),
        at("missing"),
        at("a"),
        at("b"),
        at("a"),
        at("missing/x"),
    ];
    for level in [
        InfoLevel::Exists,
        InfoLevel::Type,
        InfoLevel::Basic,
        InfoLevel::Detail,
    ] {
        let many = storage.info_many(&paths, level).unwrap();
        let each: Vec<_> = paths
            .iter()
            .map(|path| storage.info(path, level).unwrap())
            .collect();
        assert_eq!(many, each);
    }
    assert_eq!(storage.info_many(&[], InfoLevel::Basic).unwrap(), []);
}

fn space_of_a_missing_path_is_none(storage: &dyn Storage) {
    put(storage, "dir/file", b"1");
    assert_eq!(storage.space(&at("missing/below")).unwrap(), None);
    if let Some(space) = storage.space(&at("dir")).unwrap() {
        assert!(space.free <= space.total && space.total > 0, "{space:?}");
    }
}
