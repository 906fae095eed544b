//! The order in which a restore changes and flushes, as the kernel sees it (strace).
//!
//! A kill shows only what processes would see; what is left after the machine itself went down depends on the flushes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_testkit::error::Error;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::restore::{arguments, prepare};
use crate::stage::{Place, Result};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for delta in [false, true] {
        let program = Arc::clone(program);
        let name = if delta { "delta_restore" } else { "restore" };
        suite = suite.test(
            format!("a_{name}_flushes_all_before_the_control_file_gets_its_name"),
            move || in_order(&program, delta),
        );
    }
    suite
}

/// One call that matters.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// Makes, changes, renames or removes this path.
    Change(String),
    Rename(String, String),
    /// Flushes this file or directory.
    Sync(String),
    /// Flushes the file system of this path.
    SyncAll,
}

fn in_order(program: &Program, delta: bool) -> TestResult {
    if !Path::new("/usr/bin/strace").exists() {
        return Err(Error::missing("strace").into());
    }
    let scratch = Scratch::new()?;
    let stage = prepare(program, &scratch, Place::Local, &[("compress-type", "lz4")])?;
    scratch.make_dir("copy")?;
    scratch.make_dir("space-copy")?;
    let restore = arguments(&scratch, delta);
    if delta {
        let words: Vec<String> = arguments(&scratch, false);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        stage.ours(&words)?.success()?;
        fs::write(scratch.join("copy/pg_xact/0000"), "changed")?;
        scratch.write("copy/stray", "")?;
    }
    let trace = scratch.join("trace");
    let mut command = scratch.account().command("/usr/bin/strace");
    command
        .args(["-f", "-qq", "-y", "-e", "signal=none", "-e"])
        .arg("trace=openat,open,creat,unlink,unlinkat,rmdir,rename,renameat,renameat2,mkdir,mkdirat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,utimensat,ftruncate,fsync,fdatasync,syncfs")
        .arg("-o")
        .arg(&trace)
        .arg(program.path())
        .arg(format!("--config={}", stage.config.display()))
        .arg("--stanza=main")
        .args(&restore);
    run(&mut command)?.success()?;
    let copy = scratch.join("copy");
    let space = scratch.join("space-copy");
    // Descriptors are shown by where they really are.
    let through_link = copy.join("pg_tblspc/16389/").display().to_string();
    let trace =
        fs::read_to_string(&trace)?.replace(&through_link, &space.join("").display().to_string());
    let targets = [copy, space];
    let calls = calls(&trace, &targets);
    check(&calls, &targets, delta).map_err(|error| format!("{error}\n{calls:#?}").into())
}

fn check(calls: &[Call], targets: &[PathBuf; 2], delta: bool) -> Result<()> {
    let copy = &targets[0];
    let control = copy.join("global/pg_control").display().to_string();
    let global = copy.join("global").display().to_string();
    if delta {
        let first = calls
            .iter()
            .position(|call| matches!(call, Call::Change(_) | Call::Rename(..)));
        let first = first.ok_or("nothing was changed")?;
        if calls[first] != Call::Change(control.clone())
            || calls[first + 1] != Call::Sync(global.clone())
        {
            return Err(
                "the control file is not removed, and that flushed, before all else".into(),
            );
        }
    }
    let named = calls
        .iter()
        .position(|call| matches!(call, Call::Rename(_, to) if *to == control))
        .ok_or("the control file got no name")?;
    if calls[named + 1..]
        .iter()
        .any(|call| !matches!(call, Call::Sync(_)))
        || !calls[named + 1..].contains(&Call::Sync(global))
    {
        return Err("the name of the control file is not the last change, or not flushed".into());
    }
    // What was changed and not flushed since.
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for call in &calls[..named] {
        match call {
            Call::Change(path) => {
                if Path::new(path).is_file() && *path != control {
                    open.insert(path);
                }
                open.extend(parent(path));
            }
            Call::Rename(from, to) => {
                open.remove(from.as_str());
                open.extend(parent(from));
                open.extend(parent(to));
            }
            Call::Sync(path) => {
                open.remove(path.as_str());
            }
            Call::SyncAll => open.clear(),
        }
    }
    // Directories that are gone, and that above the cluster, which was there before.
    open.retain(|path| {
        let path = Path::new(path);
        path.exists() && targets.iter().any(|target| path.starts_with(target))
    });
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("not flushed before the control file got its name: {open:?}").into())
    }
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

/// The calls of a trace that concern the targets, in the order in which they began.
fn calls(trace: &str, targets: &[PathBuf]) -> Vec<Call> {
    let mut calls = Vec::new();
    for line in trace.lines() {
        let line = line.split_once(' ').map_or(line, |(_, rest)| rest.trim());
        let Some((name, rest)) = line.split_once('(') else {
            continue;
        };
        let failed = rest
            .rsplit_once(" = ")
            .is_some_and(|(_, value)| value.starts_with('-'));
        if failed {
            continue;
        }
        // Paths given by name, and those of descriptors.
        let quoted: Vec<String> = rest.split('"').skip(1).step_by(2).map(clean).collect();
        let descriptor = rest
            .split_once('<')
            .and_then(|(_, path)| path.split_once('>'))
            .map(|(path, _)| clean(path));
        let of_target = |path: &String| {
            targets
                .iter()
                .any(|target| Path::new(path).starts_with(target))
        };
        let call = match name {
            "fsync" | "fdatasync" => descriptor.filter(of_target).map(Call::Sync),
            "syncfs" => Some(Call::SyncAll),
            "rename" | "renameat" | "renameat2" => match quoted.as_slice() {
                [from, to, ..] if of_target(to) => Some(Call::Rename(from.clone(), to.clone())),
                _ => None,
            },
            "open" | "openat" | "creat"
                if !["O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC"]
                    .iter()
                    .any(|flag| rest.contains(flag)) =>
            {
                None
            }
            "symlink" | "symlinkat" => quoted
                .into_iter()
                .nth(1)
                .filter(of_target)
                .map(Call::Change),
            "ftruncate" | "fchmod" | "fchown" => descriptor.filter(of_target).map(Call::Change),
            _ => quoted
                .into_iter()
                .next()
                .filter(of_target)
                .map(Call::Change),
        };
        calls.extend(call);
    }
    calls
}

fn clean(path: &str) -> String {
    path.trim_end_matches("/.").trim_end_matches('/').to_owned()
}
