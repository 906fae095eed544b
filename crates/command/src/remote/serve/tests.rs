#![allow(clippy::disallowed_methods)] // makes stop files as another process does

use pgkeep_config::Program;
use pgkeep_protocol::{Client, memory_pair};

use super::*;
use crate::locks::{Lock, LockState, LockType};
use crate::run::test_context;

/// A server whose lock path is a directory of the test, and what it tells a client that asks for this.
fn visit(
    lock_path: &std::path::Path,
    change: impl FnOnce(&mut Greeting),
    admit: &(dyn Fn(&Greeting) -> Result<Rights> + Sync),
) -> (pgkeep_protocol::Result<Answer>, Visit) {
    let variable = lock_path.to_str().unwrap();
    let context = test_context::with_environment(
        Program::PgKeep,
        "info",
        &[] as &[&str],
        &[("PGBACKREST_LOCK_PATH", variable)],
    );
    let mut greeting = Greeting::new(Side::Repo, "stanza-create");
    greeting.stanza = Some("demo".to_owned());
    greeting.exec_id = "7-client".to_owned();
    // The client's command line has it, and the command requires it.
    let path = vec!["/pg".to_owned()];
    greeting.options.insert("pg1-path".to_owned(), path);
    change(&mut greeting);
    let (there, here) = memory_pair(10_000);
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let entrance = Entrance {
                takes_options: true,
                admit,
                again: None,
            };
            serve(&context, there, &entrance)
        });
        let connected = Client::connect::<_, Answer>(here, &own_side::settings(), &greeting);
        let answer = connected.map(|(client, answer)| {
            client.finish().unwrap();
            answer
        });
        (answer, server.join().unwrap().unwrap())
    })
}

/// The same for one that is refused.
fn refused(
    lock_path: &std::path::Path,
    change: impl FnOnce(&mut Greeting),
    admit: &(dyn Fn(&Greeting) -> Result<Rights> + Sync),
) -> pgkeep_protocol::Error {
    let (answer, visit) = visit(lock_path, change, admit);
    assert!(matches!(visit, Visit::Refused(_)), "{visit:?}");
    answer.unwrap_err()
}

fn code(error: &pgkeep_protocol::Error) -> u8 {
    error.raised().expect("the server says why").code
}

fn everybody(_: &Greeting) -> Result<Rights> {
    Ok(Rights::admin())
}

#[test]
fn a_client_is_refused_for_rights_then_configuration_then_stop_file_then_locks() {
    let dir = tempfile::tempdir().unwrap();
    let lock_name = "demo-backup-1.lock".to_owned();
    let held = Lock::acquire(dir.path(), "demo", LockType::Backup, 1, "9-other").unwrap();
    std::fs::write(dir.path().join("demo.stop"), "").unwrap();
    let wrong = |greeting: &mut Greeting| {
        greeting.locks = vec![lock_name.clone()];
        let value = vec!["relative".to_owned()];
        greeting.options.insert("repo1-path".to_owned(), value);
    };
    let right = |greeting: &mut Greeting| greeting.locks = vec![lock_name.clone()];
    let nobody = |_: &Greeting| Err(Error::new(ErrorCode::Access, "access denied"));

    assert_eq!(code(&refused(dir.path(), wrong, &nobody)), 105);
    assert_eq!(code(&refused(dir.path(), wrong, &everybody)), 32);
    assert_eq!(code(&refused(dir.path(), right, &everybody)), 62);
    std::fs::remove_file(dir.path().join("demo.stop")).unwrap();
    let error = refused(dir.path(), right, &everybody);
    assert_eq!(code(&error), 50);
    assert_eq!(error.hints(), ["is another pgBackRest process running?"]);
    drop(held);
}

#[test]
fn only_a_client_that_takes_locks_is_stopped_by_a_stop_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("all.stop"), "").unwrap();
    let (answer, visit) = visit(dir.path(), |_| {}, &everybody);
    assert!(matches!(visit, Visit::Over), "{visit:?}");
    let Answer::Repo(repository) = answer.unwrap() else {
        panic!("it is no repository")
    };
    assert_eq!((&*repository.cipher, repository.paths), ("none", true));
}

#[test]
fn locks_are_of_the_stanza_and_go_with_a_client_that_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = |greeting: &mut Greeting| greeting.locks = vec!["other-backup-1.lock".to_owned()];
    assert_eq!(code(&refused(dir.path(), foreign, &everybody)), 105);
    let first = |greeting: &mut Greeting| {
        let names = ["demo-archive-1.lock", "other-backup-1.lock"];
        greeting.locks = names.map(str::to_owned).to_vec();
    };
    assert_eq!(code(&refused(dir.path(), first, &everybody)), 105);
    let state = locks::state(dir.path(), "demo-archive-1.lock").unwrap();
    assert_eq!(state, LockState::Missing);
}

#[test]
fn pushes_share_the_archive_lock_and_other_commands_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let _push = locks::Share::take(dir.path(), "demo", 1, "9-other").unwrap();
    let of = |command: &'static str| {
        move |greeting: &mut Greeting| {
            greeting.command = command.to_owned();
            greeting.locks = vec!["demo-archive-1.lock".to_owned()];
        }
    };
    let (answer, _) = visit(dir.path(), of("archive-push"), &everybody);
    answer.unwrap();
    assert_eq!(
        code(&refused(dir.path(), of("stanza-create"), &everybody)),
        50
    );
}

#[test]
fn a_command_that_has_no_remote_role_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["help", "no-such-command", "demo", ""] {
        let change = |greeting: &mut Greeting| greeting.command = name.to_owned();
        assert_eq!(code(&refused(dir.path(), change, &everybody)), 48, "{name}");
    }
}
