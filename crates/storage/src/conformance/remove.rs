//! Behaviour of `remove`, `remove_many` and `remove_tree`.

use super::case::{at, behaviors, content, directory, info, link, names, put};
use crate::info::Removed;
use crate::storage::Storage;

behaviors! {
    dyn Storage:
    a_file_is_removed_once,
    a_link_is_removed_and_not_its_target if as_symbolic_links,
    many_are_removed_with_results_in_order,
    files_are_removed_and_missing_ones_are_fine,
    a_tree_is_removed_with_all_below,
    many_trees_are_removed_as_one_is,
    removing_a_missing_tree_tells_that_it_was_missing,
    removing_a_tree_does_not_follow_links if as_symbolic_links,
    a_link_to_a_tree_is_removed_as_a_link if as_symbolic_links,
}

fn a_file_is_removed_once(storage: &dyn Storage) {
    put(storage, "dir/file", b"x");
    assert_eq!(storage.remove(&at("dir/file")).unwrap(), Removed::Removed);
    assert_eq!(storage.remove(&at("dir/file")).unwrap(), Removed::Missing);
    assert_eq!(
        storage.remove(&at("missing/file")).unwrap(),
        Removed::Missing
    );
    assert_eq!(content(storage, "dir/file"), None);
}

fn a_link_is_removed_and_not_its_target(storage: &dyn Storage) {
    put(storage, "file", b"x");
    link(storage, "link", b"file");
    assert_eq!(storage.remove(&at("link")).unwrap(), Removed::Removed);
    assert_eq!(names(storage, ""), ["file"]);
}

fn many_are_removed_with_results_in_order(storage: &dyn Storage) {
    for name in ["a", "b", "dir/c", "stays"] {
        put(storage, name, b"x");
    }
    let paths = [
        at("b"),
        at("missing"),
        at("dir/c"),
        at("a"),
        at("missing/x"),
    ];
    use Removed::{Missing, Removed as Gone};
    assert_eq!(
        storage.remove_many(&paths).unwrap(),
        [Gone, Missing, Gone, Gone, Missing]
    );
    assert_eq!(content(storage, "stays").as_deref(), Some(&b"x"[..]));
    assert_eq!(content(storage, "a"), None);
    assert_eq!(storage.remove_many(&[]).unwrap(), []);
}

fn files_are_removed_and_missing_ones_are_fine(storage: &dyn Storage) {
    for name in ["a", "b", "dir/c", "stays"] {
        put(storage, name, b"x");
    }
    let paths = ["b", "missing", "dir/c", "a", "missing/x", "a"].map(at);
    storage.remove_files(&paths).unwrap();
    assert_eq!(content(storage, "stays").as_deref(), Some(&b"x"[..]));
    for name in ["a", "b", "dir/c"] {
        assert_eq!(content(storage, name), None, "{name}");
    }
    // All are gone already.
    storage.remove_files(&paths).unwrap();
    storage.remove_files(&[at("missing")]).unwrap();
    storage.remove_files(&[]).unwrap();
}

fn a_tree_is_removed_with_all_below(storage: &dyn Storage) {
    for name in ["top/a", "top/b/c/d", "top/b/e", "top-not/file"] {
        put(storage, name, b"x");
    }
    if storage.as_paths().is_some() {
        directory(storage, "top/empty/inner");
    }
    assert_eq!(storage.remove_tree(&at("top")).unwrap(), Removed::Removed);
    assert_eq!(info(storage, "top"), None);
    assert_eq!(names(storage, ""), ["top-not"]);
}

fn removing_a_missing_tree_tells_that_it_was_missing(storage: &dyn Storage) {
    assert_eq!(
        storage.remove_tree(&at("missing")).unwrap(),
        Removed::Missing
    );
    assert_eq!(
        storage.remove_tree(&at("missing/below")).unwrap(),
        Removed::Missing
    );
}

fn removing_a_tree_does_not_follow_links(storage: &dyn Storage) {
    put(storage, "outside/file", b"x");
    put(storage, "top/inner/file", b"x");
    link(storage, "top/directory", b"../outside");
    link(storage, "top/inner/file-link", b"../../outside/file");
    assert_eq!(storage.remove_tree(&at("top")).unwrap(), Removed::Removed);
    assert_eq!(content(storage, "outside/file").as_deref(), Some(&b"x"[..]));
}

fn a_link_to_a_tree_is_removed_as_a_link(storage: &dyn Storage) {
    put(storage, "outside/file", b"x");
    link(storage, "link", b"outside");
    assert_eq!(storage.remove_tree(&at("link")).unwrap(), Removed::Removed);
    assert_eq!(names(storage, ""), ["outside"]);
    assert_eq!(content(storage, "outside/file").as_deref(), Some(&b"x"[..]));
}

fn many_trees_are_removed_as_one_is(storage: &dyn Storage) {
    for name in ["one/a", "one/b/c", "two/d", "stays/e"] {
        put(storage, name, b"x");
    }
    let paths = [at("one"), at("missing"), at("two")];
    use Removed::{Missing, Removed as Gone};
    assert_eq!(storage.remove_trees(&paths).unwrap(), [Gone, Missing, Gone]);
    assert_eq!(names(storage, ""), ["stays"]);
    assert_eq!(storage.remove_trees(&[]).unwrap(), []);
}
