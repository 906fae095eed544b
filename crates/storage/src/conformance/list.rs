//! Behaviour of `list` and `list_tree`.

use super::case::{at, behaviors, directory, link, names, put};
use crate::error::{Error, ErrorKind, Operation};
use crate::info::{FileInfo, FileType, Found, InfoLevel};
use crate::options::ListOptions;
use crate::path::StoragePath;
use crate::storage::Storage;

behaviors! {
    dyn Storage:
    a_missing_directory_is_none if as_paths,
    an_empty_directory_is_an_empty_list if as_paths,
    names_are_bare_and_without_dots,
    sorted_lists_ascend_by_bytes,
    a_directory_of_three_thousand_files_is_listed_whole,
    a_list_has_the_facts_that_info_has,
    tree_names_are_relative_and_parents_come_first,
    a_sorted_tree_ascends_in_each_directory,
    a_tree_is_descended_at_every_level,
    what_vanishes_during_a_walk_is_left_out,
    an_error_of_the_caller_ends_the_walk,
    a_missing_tree_is_missing if as_paths,
    a_walk_does_not_follow_links if as_symbolic_links,
}

fn sorted() -> ListOptions {
    ListOptions {
        sort: true,
        ..ListOptions::default()
    }
}

fn tree(storage: &dyn Storage, path: &str, options: &ListOptions) -> Vec<FileInfo> {
    let mut found = Vec::new();
    let outcome = storage.list_tree(&at(path), options, &mut |info| {
        found.push(info);
        Ok(())
    });
    assert_eq!(outcome.unwrap(), Found::Found);
    found
}

fn tree_names(storage: &dyn Storage, path: &str, options: &ListOptions) -> Vec<String> {
    tree(storage, path, options)
        .iter()
        .map(|entry| entry.name.to_string())
        .collect()
}

fn a_missing_directory_is_none(storage: &dyn Storage) {
    assert_eq!(storage.list(&at("missing"), &sorted()).unwrap(), None);
    assert_eq!(storage.list(&at("missing/below"), &sorted()).unwrap(), None);
}

fn an_empty_directory_is_an_empty_list(storage: &dyn Storage) {
    directory(storage, "empty");
    assert_eq!(
        storage.list(&at("empty"), &sorted()).unwrap(),
        Some(Vec::new())
    );
    assert_eq!(tree(storage, "empty", &sorted()), []);
}

fn names_are_bare_and_without_dots(storage: &dyn Storage) {
    put(storage, "dir/.hidden", b"");
    put(storage, "dir/inner/file", b"");
    assert_eq!(names(storage, "dir"), [".hidden", "inner"]);
    assert_eq!(names(storage, ""), ["dir"]);
}

fn sorted_lists_ascend_by_bytes(storage: &dyn Storage) {
    for name in ["b", "a.b", "a-b", "a", "B", "10", "9", "a/x"]
        .into_iter()
        .filter(|name| *name != "a")
    {
        put(storage, name, b"");
    }
    assert_eq!(names(storage, ""), ["10", "9", "B", "a", "a-b", "a.b", "b"]);
}

fn a_directory_of_three_thousand_files_is_listed_whole(storage: &dyn Storage) {
    // More than any server puts into one answer.
    let fast = crate::options::WriteOptions {
        sync: false,
        ..Default::default()
    };
    let tickets: Vec<_> = (0..3000)
        .map(|n| {
            crate::copy::write_ticket(storage, &at(&format!("many/{n:05}")), &fast, b"").unwrap()
        })
        .collect();
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    let found = names(storage, "many");
    assert_eq!(found.len(), 3000);
    assert_eq!(
        found
            .iter()
            .enumerate()
            .find(|(n, name)| **name != format!("{n:05}")),
        None
    );
}

fn a_list_has_the_facts_that_info_has(storage: &dyn Storage) {
    put(storage, "dir/file", b"four");
    put(storage, "dir/inner/x", b"");
    for level in [InfoLevel::Type, InfoLevel::Basic, InfoLevel::Detail] {
        let listed = storage
            .list(&at("dir"), &ListOptions { level, sort: true })
            .unwrap()
            .unwrap();
        for entry in listed {
            let path = at("dir").join(entry.name.as_bytes());
            let alone = storage.info(&path, level).unwrap().unwrap();
            assert_eq!(
                (entry.kind, entry.mode, &entry.owner),
                (alone.kind, alone.mode, &alone.owner)
            );
            if level >= InfoLevel::Basic {
                assert_eq!((entry.size, entry.modified), (alone.size, alone.modified));
            }
        }
    }
}

fn tree_names_are_relative_and_parents_come_first(storage: &dyn Storage) {
    for name in ["top/a/b/c", "top/a/d", "top/e"] {
        put(storage, name, b"");
    }
    let found = tree(storage, "top", &ListOptions::default());
    let position = |name: &str| found.iter().position(|entry| entry.name == at(name));
    for name in ["a/b/c", "a/d", "e"] {
        assert!(position(name).is_some(), "{name} is reported");
    }
    if storage.as_paths().is_some() {
        assert_eq!(found.len(), 5);
        assert!(position("a") < position("a/d"));
        assert!(position("a") < position("a/b"));
        assert!(position("a/b") < position("a/b/c"));
    }
}

fn a_sorted_tree_ascends_in_each_directory(storage: &dyn Storage) {
    for name in ["b/2", "b/1", "a/z/1", "a/y", "c", "a-b/1"] {
        put(storage, name, b"");
    }
    let found: Vec<_> = tree(storage, "", &sorted())
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    for directory in found.iter().map(StoragePath::parent) {
        let children: Vec<_> = found
            .iter()
            .filter(|name| name.parent() == directory)
            .collect();
        assert!(children.is_sorted(), "{children:?}");
    }
    assert!(found.len() >= 6);
}

fn a_tree_is_descended_at_every_level(storage: &dyn Storage) {
    for name in ["dir/inner/file", "dir/other", "file"] {
        put(storage, name, b"");
    }
    for level in [
        InfoLevel::Exists,
        InfoLevel::Type,
        InfoLevel::Basic,
        InfoLevel::Detail,
    ] {
        let found = tree_names(storage, "", &ListOptions { level, sort: true });
        for name in ["dir/inner/file", "dir/other", "file"] {
            assert!(found.iter().any(|one| one == name), "{level:?}: {found:?}");
        }
    }
}

fn what_vanishes_during_a_walk_is_left_out(storage: &dyn Storage) {
    for name in ["a", "b/1", "b/2", "c/3", "d"] {
        put(storage, name, b"");
    }
    let mut found = Vec::new();
    let outcome = storage.list_tree(&at(""), &sorted(), &mut |info| {
        if info.name == at("a") {
            storage.remove_tree(&at("b"))?;
        }
        found.push(info.name.to_string());
        Ok(())
    });
    assert_eq!(outcome.unwrap(), Found::Found);
    // What was read ahead may still be reported, but what was not reached is no error and the rest is there.
    for name in ["a", "c/3", "d"] {
        assert!(
            found.iter().any(|entry| entry == name),
            "{name} is reported: {found:?}"
        );
    }
}

fn an_error_of_the_caller_ends_the_walk(storage: &dyn Storage) {
    for name in ["a", "b", "c"] {
        put(storage, name, b"");
    }
    let mut seen = 0;
    let outcome = storage.list_tree(&at(""), &sorted(), &mut |_| {
        seen += 1;
        if seen < 2 {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::Cancelled,
                Operation::List,
                "walk",
                "enough",
            ))
        }
    });
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.kind(), error.reason.as_str(), seen),
        (ErrorKind::Cancelled, "enough", 2)
    );
}

fn a_missing_tree_is_missing(storage: &dyn Storage) {
    let outcome = storage.list_tree(&at("missing"), &sorted(), &mut |_| {
        panic!("nothing can be reported")
    });
    assert_eq!(outcome.unwrap(), Found::Missing);
}

fn a_walk_does_not_follow_links(storage: &dyn Storage) {
    put(storage, "outside/file", b"");
    put(storage, "top/file", b"");
    link(storage, "top/link", b"../outside");
    let options = ListOptions {
        level: InfoLevel::Detail,
        sort: true,
    };
    let found = tree(storage, "top", &options);
    assert_eq!(
        found
            .iter()
            .map(|entry| entry.name.to_string())
            .collect::<Vec<_>>(),
        ["file", "link"]
    );
    assert_eq!(found[1].kind, FileType::Link);
    assert_eq!(
        found[1].link_destination.as_deref(),
        Some(&b"../outside"[..])
    );
}
