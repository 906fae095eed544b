use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use pgkeep_storage::{Error as StorageError, ErrorKind, Operation, Ticket, Written};

use super::*;
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

fn settings(workers: usize) -> PoolSettings {
    PoolSettings {
        workers,
        retry: 2,
        retry_interval: Duration::ZERO,
        open_tickets: 4,
    }
}

fn run_numbers(
    settings: PoolSettings,
    count: u32,
    work: &(dyn Fn(&u32) -> Result<Outcome<u32>> + Sync),
) -> Result<Vec<u32>> {
    let mut given = 0;
    let mut results = Vec::new();
    run(
        settings,
        &Cancel::default(),
        work,
        Steps {
            next: &mut |_| {
                given += 1;
                Ok((given <= count).then_some(given))
            },
            done: &mut |job, result, process| {
                assert!(process >= 1);
                assert_eq!(job * 2, result);
                results.push(result);
                Ok(())
            },
            tick: &mut || Ok(()),
        },
    )?;
    results.sort_unstable();
    Ok(results)
}

#[test]
fn every_job_is_done_once_by_any_number_of_workers() {
    for workers in [1, 2, 5] {
        let results =
            run_numbers(settings(workers), 100, &|job| Ok(Outcome::Done(job * 2))).unwrap();
        assert_eq!(results, (1..=100).map(|n| n * 2).collect::<Vec<_>>());
    }
}

#[test]
fn a_written_job_counts_only_when_its_ticket_resolves() {
    let (late, tickets) = mpsc::channel::<pgkeep_storage::TicketResolver>();
    let resolver = std::thread::spawn(move || {
        // Resolves in batches, so that several tickets are open at once.
        let mut open = Vec::new();
        while let Ok(ticket) = tickets.recv() {
            open.push(ticket);
            if open.len() == 2 {
                open.drain(..)
                    .for_each(|ticket| ticket.resolve(Ok(Written { size: 1 })));
            }
        }
    });
    let results = run_numbers(settings(1), 10, &|job| {
        let (resolver, ticket) = Ticket::pending();
        late.send(resolver).unwrap();
        Ok(Outcome::Written(job * 2, ticket))
    });
    drop(late);
    resolver.join().unwrap();
    assert_eq!(results.unwrap().len(), 10);
}

#[test]
fn a_job_that_fails_twice_succeeds_at_the_third_try() {
    let tries = AtomicU32::new(0);
    let results = run_numbers(settings(2), 1, &|job| {
        if tries.fetch_add(1, Ordering::SeqCst) < 2 {
            return Err(Error::new(ErrorCode::FileRead, "unable to read"));
        }
        Ok(Outcome::Done(job * 2))
    });
    assert_eq!(results.unwrap(), [2]);
}

#[test]
fn a_job_that_keeps_failing_ends_the_run_with_its_first_error() {
    let tries = AtomicU32::new(0);
    let error = run_numbers(settings(2), 5, &|_| {
        let (resolver, ticket) = Ticket::pending();
        let count = tries.fetch_add(1, Ordering::SeqCst);
        resolver.resolve(Err(StorageError::new(
            ErrorKind::NoSpace,
            Operation::Write,
            "/repo/x",
            format!("try {count}"),
        )));
        Ok(Outcome::Written(0, ticket))
    })
    .unwrap_err();
    assert_eq!(error.code, ErrorCode::FileWrite);
    assert!(
        error.message.starts_with("unable to write '/repo/x': try "),
        "{}",
        error.message
    );
    assert!(
        error.message.contains("[FileWriteError] on retry 1"),
        "{}",
        error.message
    );
}

#[test]
fn a_panic_of_a_worker_is_an_internal_error() {
    let error = run_numbers(settings(1), 1, &|_| panic!("made on purpose")).unwrap_err();
    assert_eq!(error.code, ErrorCode::Assert);
}

#[test]
fn a_cancelled_run_ends_with_the_term_code() {
    let cancel = Cancel::default();
    let asked = cancel.clone();
    let error = run::<u32, u32>(
        settings(1),
        &cancel,
        &|job| {
            asked.cancel(15);
            Ok(Outcome::Done(*job))
        },
        Steps {
            next: &mut |_| Ok(Some(1)),
            done: &mut |_, _, _| Ok(()),
            tick: &mut || Ok(()),
        },
    )
    .unwrap_err();
    assert_eq!(error.code, ErrorCode::Term);
}
