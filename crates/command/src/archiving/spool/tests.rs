//! Every state that a status file can be in, and what it says then.

use super::*;

const SEGMENT: &str = "000000010000000000000001";

fn spool(dir: &tempfile::TempDir) -> Spool {
    let stanza = Stanza::new("demo").unwrap();
    let spool = Spool::new(dir.path().to_str().unwrap(), &stanza, Queue::Out);
    spool.create().unwrap();
    spool
}

fn warning(spool: &Spool) -> Option<String> {
    match spool.status(SEGMENT).unwrap() {
        Some(Status::Ok { warning }) => warning,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ok_comes_before_error_and_a_segments_error_before_the_error_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(&dir);
    assert!(spool.status(SEGMENT).unwrap().is_none());
    spool
        .write_error(None, &Error::new(ErrorCode::RepoInvalid, "all"))
        .unwrap();
    let Some(Status::Failed(error)) = spool.status(SEGMENT).unwrap() else {
        panic!("the error of all counts")
    };
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::RepoInvalid, "all")
    );
    spool
        .write_error(
            Some(SEGMENT),
            &Error::new(ErrorCode::Command, "own").with_hint("look"),
        )
        .unwrap();
    let Some(Status::Failed(error)) = spool.status(SEGMENT).unwrap() else {
        panic!("the own error counts")
    };
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::Command, "own\nHINT: look")
    );
    spool.write_ok(SEGMENT, &[]).unwrap();
    assert_eq!(warning(&spool), None);
    spool.clear_errors(SEGMENT).unwrap();
    assert_eq!(spool.names().unwrap(), [format!("{SEGMENT}.ok")]);
}

#[test]
fn warnings_travel_in_the_ok_file() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(&dir);
    spool
        .write_ok(SEGMENT, &["one".to_owned(), "two".to_owned()])
        .unwrap();
    assert_eq!(warning(&spool).unwrap(), "one\ntwo");
    spool.write(&format!("{SEGMENT}.ok"), "25\nbroken").unwrap();
    let text = format!(
        "WAL segment '{SEGMENT}' was not pushed due to error [25] and was manually skipped: broken"
    );
    assert_eq!(warning(&spool).unwrap(), text);
}

/// What a crash, a file system check or somebody's hand may leave under a name.
#[derive(Debug, Clone, Copy)]
enum Left {
    Content(&'static [u8]),
    Huge,
    Directory,
    FullDirectory,
    DanglingLink,
    Fifo,
}

#[allow(clippy::disallowed_methods)] // states for the test
fn leave(spool: &Spool, name: &str, left: Left) {
    let path = spool.root.join(spool.file(name).to_string());
    match left {
        Left::Content(content) => std::fs::write(path, content).unwrap(),
        Left::Huge => {
            let file = std::fs::File::create(path).unwrap();
            file.set_len(1 << 40).unwrap();
        }
        Left::Directory => std::fs::create_dir(path).unwrap(),
        Left::FullDirectory => std::fs::create_dir_all(path.join("a/b")).unwrap(),
        Left::DanglingLink => std::os::unix::fs::symlink("/nowhere/at/all", path).unwrap(),
        Left::Fifo => {
            let kind = rustix::fs::FileType::Fifo;
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
        }
    }
}

/// All that says nothing, under whatever name; an empty `.ok` does say something.
const NOTHING: [Left; 14] = [
    Left::Content(b"25\n\0\0\0\0"),
    Left::Content(b"25"),
    Left::Content(b"25\n"),
    Left::Content(b"25\n \n"),
    Left::Content(b"x\ny"),
    Left::Content(b"\n"),
    Left::Content(b"\0\0\0\0\0\0\0\0\0"),
    Left::Content(b"\xff\xfe\n\0"),
    Left::Content(b"99999999999999999999\ny"),
    Left::Huge,
    Left::Directory,
    Left::FullDirectory,
    Left::DanglingLink,
    Left::Fifo,
];

#[test]
fn a_status_that_cannot_be_read_says_nothing_and_is_replaced() {
    for name in [OK, ERROR] {
        for left in NOTHING.into_iter().chain([Left::Content(b"")]) {
            let dir = tempfile::tempdir().unwrap();
            let spool = spool(&dir);
            leave(&spool, &format!("{SEGMENT}{name}"), left);
            let empty_ok = name == OK && matches!(left, Left::Content(b""));
            let status = spool.status(SEGMENT).unwrap();
            assert_eq!(status.is_some(), empty_ok, "{name} {left:?}: {status:?}");
            let entries = spool.list().unwrap();
            assert_eq!(entries.len(), 1, "{name} {left:?}");
            assert_eq!(
                spool.is_ok(&entries[0]).unwrap(),
                empty_ok,
                "{name} {left:?}"
            );
            // What stands behind it is heard, and each may be written and removed in its place.
            spool.write(&format!("{GLOBAL}{ERROR}"), "25\nall").unwrap();
            if !empty_ok {
                assert!(matches!(
                    spool.status(SEGMENT).unwrap(),
                    Some(Status::Failed(_))
                ));
            }
            spool.clear_errors(SEGMENT).unwrap();
            spool.write_ok(SEGMENT, &[]).unwrap();
            assert_eq!(warning(&spool), None, "{name} {left:?}");
            assert_eq!(spool.names().unwrap(), [format!("{SEGMENT}{OK}")]);
        }
    }
}

const GLOBAL: &str = "global";

#[test]
fn an_error_of_all_that_cannot_be_read_says_nothing_and_is_removed() {
    for left in NOTHING.into_iter().chain([Left::Content(b"")]) {
        let dir = tempfile::tempdir().unwrap();
        let spool = spool(&dir);
        leave(&spool, "global.error", left);
        assert!(spool.status(SEGMENT).unwrap().is_none(), "{left:?}");
        spool.clear_errors(SEGMENT).unwrap();
        assert!(spool.list().unwrap().is_empty(), "{left:?}");
        leave(&spool, "global.error", left);
        let error = Error::new(ErrorCode::RepoInvalid, "all");
        spool.remove("global.error").unwrap();
        spool.write_error(None, &error).unwrap();
        assert!(spool.status(SEGMENT).unwrap().is_some(), "{left:?}");
    }
}

#[test]
fn what_a_get_left_before_the_machine_started_is_in_doubt_and_what_a_push_left_is_not() {
    for (queue, believed) in [(Queue::Out, true), (Queue::In, false)] {
        let dir = tempfile::tempdir().unwrap();
        let stanza = Stanza::new("demo").unwrap();
        let spool = Spool::new(dir.path().to_str().unwrap(), &stanza, queue);
        spool.create().unwrap();
        spool.write_ok(SEGMENT, &[]).unwrap();
        assert!(spool.status(SEGMENT).unwrap().is_some());
        let written = spool.list().unwrap()[0].modified;
        let spool = spool.since(written);
        assert_eq!(spool.status(SEGMENT).unwrap().is_some(), believed);
        let spool = spool.since(written - 1);
        assert!(spool.status(SEGMENT).unwrap().is_some());
    }
}
