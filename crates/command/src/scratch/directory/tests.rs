//! Only what a run has made is ever removed.

use std::os::unix::fs::{MetadataExt, symlink};

use pgkeep_config::Program;

use super::*;
use crate::error::Error;
use crate::run::test_context;

/// A place for directories, and a context of the user who runs the test.
fn stage() -> (tempfile::TempDir, PathBuf, Context) {
    let directory = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(directory.path()).unwrap();
    let mut context = test_context::new(Program::PgKeep, "drill", &[] as &[&str]);
    context.user.uid = fs::metadata(&top).unwrap().uid();
    (directory, top, context)
}

/// A run that was killed after it had restored something.
fn killed(context: &Context, root: &Path) {
    let scratch = Scratch::take(context, root, &[]).unwrap();
    scratch.write("data/PG_VERSION", "17\n").unwrap();
}

/// What taking the directory is refused with.
fn refused(context: &Context, root: &Path) -> Error {
    Scratch::take(context, root, &[]).unwrap_err()
}

#[test]
fn nothing_is_left_but_a_directory_that_was_there() {
    let (_directory, top, context) = stage();
    let (found, made) = (top.join("found"), top.join("made"));
    fs::create_dir(&found).unwrap();
    for round in 0..2 {
        for root in [&found, &made] {
            if round == 1 {
                killed(&context, root);
            }
            let scratch = Scratch::take(&context, root, &[]).unwrap();
            scratch.write("data/PG_VERSION", "17\n").unwrap();
            assert_eq!(refused(&context, root).code, ErrorCode::LockAcquire);
            scratch.remove().unwrap();
        }
        assert!(!made.exists());
        assert_eq!(fs::read_dir(&found).unwrap().count(), 0);
    }
}

#[test]
fn a_file_beside_the_remains_is_named_and_nothing_is_removed() {
    let (_directory, top, context) = stage();
    let root = top.join("drill");
    killed(&context, &root);
    fs::write(root.join("precious"), "x").unwrap();
    let error = refused(&context, &root);
    assert_eq!(error.code, ErrorCode::PathNotEmpty);
    assert!(error.message.contains("'precious'"), "{}", error.message);
    assert!(root.join("data/PG_VERSION").exists());
    fs::remove_file(root.join("precious")).unwrap();
    Scratch::take(&context, &root, &[])
        .unwrap()
        .remove()
        .unwrap();
    assert!(!root.exists());
}

#[test]
fn a_file_that_comes_during_the_run_stays_and_is_told() {
    let (_directory, top, context) = stage();
    let root = top.join("drill");
    let scratch = Scratch::take(&context, &root, &[]).unwrap();
    fs::write(root.join("precious"), "x").unwrap();
    let error = scratch.remove().unwrap_err();
    assert!(error.message.contains("'precious'"), "{}", error.message);
    let left: Vec<_> = fs::read_dir(&root).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "only the foreign file is left");
}

#[test]
fn a_directory_that_was_made_anew_or_a_link_is_not_taken_for_ours() {
    let (_directory, top, context) = stage();
    let (root, other) = (top.join("drill"), top.join("other"));
    fs::create_dir(&other).unwrap();
    fs::write(other.join("precious"), "x").unwrap();
    killed(&context, &root);
    fs::remove_dir_all(root.join("data")).unwrap();
    fs::create_dir(root.join("data")).unwrap();
    fs::write(root.join("data/precious"), "x").unwrap();
    assert!(refused(&context, &root).message.contains("'data'"));
    assert!(root.join("data/precious").exists());
    fs::remove_dir_all(root.join("data")).unwrap();
    symlink(&other, root.join("data")).unwrap();
    assert!(refused(&context, &root).message.contains("'data'"));
    fs::remove_file(root.join("data")).unwrap();
    // One that was removed is not missed.
    Scratch::take(&context, &root, &[])
        .unwrap()
        .remove()
        .unwrap();
    assert!(other.join("precious").exists());
}

#[test]
fn a_marker_that_was_copied_or_moved_proves_nothing() {
    let (_directory, top, context) = stage();
    let (root, copy, moved) = (top.join("drill"), top.join("copy"), top.join("moved"));
    killed(&context, &root);
    fs::create_dir(&copy).unwrap();
    fs::create_dir(copy.join("data")).unwrap();
    fs::write(copy.join("data/precious"), "x").unwrap();
    fs::copy(root.join(marker::NAME), copy.join(marker::NAME)).unwrap();
    assert!(
        refused(&context, &copy)
            .message
            .contains("another directory")
    );
    assert!(copy.join("data/precious").exists());
    fs::rename(&root, &moved).unwrap();
    assert!(
        refused(&context, &moved)
            .message
            .contains("another directory")
    );
    assert!(moved.join("data/PG_VERSION").exists());
}

#[test]
fn a_marker_that_is_a_link_or_no_marker_is_refused_and_not_written_to() {
    let (_directory, top, context) = stage();
    let precious = top.join("precious");
    let links: [fn(&Path, &Path) -> std::io::Result<()>; 3] = [
        |from, to| symlink(from, to),
        |from, to| fs::hard_link(from, to),
        |from, to| fs::copy(from, to).map(|_| ()),
    ];
    for (number, link) in links.into_iter().enumerate() {
        fs::write(&precious, "x").unwrap();
        let root = top.join(format!("drill{number}"));
        fs::create_dir(&root).unwrap();
        link(&precious, &root.join(marker::NAME)).unwrap();
        assert_eq!(refused(&context, &root).code, ErrorCode::PathNotEmpty);
        assert_eq!(fs::read(&precious).unwrap(), b"x");
        assert!(root.join(marker::NAME).exists());
    }
}

#[test]
fn a_directory_that_was_replaced_during_the_run_is_not_emptied() {
    let (_directory, top, context) = stage();
    let (root, away) = (top.join("drill"), top.join("away"));
    let scratch = Scratch::take(&context, &root, &[]).unwrap();
    fs::rename(&root, &away).unwrap();
    fs::create_dir_all(root.join("data")).unwrap();
    fs::write(root.join("data/precious"), "x").unwrap();
    assert!(scratch.remove().is_err());
    assert!(root.join("data/precious").exists());
    assert!(!away.join("data").exists());
}

#[test]
fn what_was_empty_when_the_run_was_killed_is_removed_by_the_next() {
    let (_directory, top, context) = stage();
    let root = top.join("drill");
    fs::create_dir(&root).unwrap();
    fs::write(root.join(marker::NAME), "").unwrap();
    Scratch::take(&context, &root, &[])
        .unwrap()
        .remove()
        .unwrap();
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    let found = fs::symlink_metadata(&root).unwrap();
    let marker = Marker::new("1".to_owned(), true, &root, &found);
    fs::write(root.join(marker::NAME), marker.text()).unwrap();
    fs::create_dir(root.join("conf")).unwrap();
    Scratch::take(&context, &root, &[])
        .unwrap()
        .remove()
        .unwrap();
    assert!(!root.exists());
}

#[test]
fn a_watch_removes_what_a_run_has_left_and_nothing_else() {
    let (_directory, top, context) = stage();
    let (root, found) = (top.join("drill"), top.join("found"));
    // Nothing is made where nothing is.
    Scratch::remove_left(&context, &root).unwrap();
    assert!(!root.exists());
    fs::create_dir(&found).unwrap();
    Scratch::remove_left(&context, &found).unwrap();
    for place in [&root, &found] {
        killed(&context, place);
        Scratch::remove_left(&context, place).unwrap();
    }
    assert!(!root.exists());
    assert_eq!(fs::read_dir(&found).unwrap().count(), 0);
    killed(&context, &root);
    fs::write(root.join("precious"), "x").unwrap();
    assert!(Scratch::remove_left(&context, &root).is_err());
    assert!(root.join("data/PG_VERSION").exists());
    fs::remove_file(root.join("precious")).unwrap();
    // A run works there, though the last watch was killed at its work.
    let scratch = Scratch::take(&context, &root, &[]).unwrap();
    let error = Scratch::remove_left(&context, &root).unwrap_err();
    assert_eq!(error.code, ErrorCode::LockAcquire);
    scratch.remove().unwrap();
    assert!(!root.exists());
}

#[test]
fn a_run_waits_for_the_watch_that_removes_what_was_left() {
    let (_directory, top, context) = stage();
    let root = top.join("drill");
    killed(&context, &root);
    let mut watch = Opened::open(&context, &root).unwrap().unwrap();
    watch.tell_removal().unwrap();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| Scratch::take(&context, &root, &[]).unwrap().remove());
        // Longer than for a run that works there.
        std::thread::sleep(Duration::from_millis(500));
        assert!(!run.is_finished());
        watch.clean_up().unwrap();
        watch.close(true, &[]).unwrap();
        run.join().unwrap().unwrap();
    });
    assert!(!root.exists());
    // One that was killed before it had done anything keeps nobody out.
    killed(&context, &root);
    let mut watch = Opened::open(&context, &root).unwrap().unwrap();
    watch.tell_removal().unwrap();
    drop(watch);
    Scratch::take(&context, &root, &[])
        .unwrap()
        .remove()
        .unwrap();
    assert!(!root.exists());
}
