//! Behaviour of `info` and `info_many`.

use super::case::{at, behaviors, directory, info, link, put};
use crate::info::{FileType, InfoLevel};
use crate::storage::Storage;

behaviors! {
    dyn Storage:
    a_missing_entry_is_none,
    a_file_tells_its_size_and_time,
    a_directory_is_a_path if as_paths,
    a_link_is_reported_as_a_link if as_symbolic_links,
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
    directory(storage, "dir");
    let found = storage
        .info(&at("dir"), InfoLevel::Basic)
        .unwrap()
        .expect("the directory is there");
    assert_eq!((found.kind, found.size), (FileType::Path, 0));
}

fn a_link_is_reported_as_a_link(storage: &dyn Storage) {
    put(storage, "file", b"content");
    link(storage, "link", b"file");
    link(storage, "nowhere", b"../no/such");
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
