//! The demonstration on a machine whose accounts are in its way, from its first line to its last.
//!
//! What it shows is compared by the demonstration itself; a difference is its error. Here it is only made difficult for it.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // a suite drives the outside world

use std::process::ExitCode;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};
use pgkeep_testkit::throw_away_root::ThrowAwayRoot;

/// The names and numbers of the demonstration are taken, `postgres` does not exist, nobody may log in; /srv is missing.
const UNUSUAL: &str = r#"
rmdir /srv
for name in offsite pgkeep demo; do useradd --no-create-home $name; passwd -l $name >/dev/null; done
useradd --no-create-home --uid 64217 taken
echo 'closed for maintenance' >/etc/nologin
mkdir /etc/pgkeep /etc/pgbackrest
for one in pgkeep pgbackrest; do echo 'this is no configuration' >/etc/$one/$one.conf; done
"#;

/// Replaces the files of the user database again and again, as `useradd` and package installations do, until the file that
/// is named is gone.
const TOUCH: &str = r#"
while [ -e "$1" ]; do
    for one in passwd group shadow; do cp -p /etc/$one /etc/new; mv /etc/new /etc/$one; done
    sleep 0.05
done
"#;

fn main() -> ExitCode {
    let mut suite = Suite::new("demo").test(
        "demo_needs_nothing_of_the_accounts_of_the_machine_and_they_may_change_meanwhile",
        || unusual("postgres is missing", ""),
    );
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        suite = suite.test(
            "demo_takes_the_account_of_postgresql_even_if_it_may_not_log_in",
            || {
                unusual(
                    "postgres may not log in",
                    "useradd --no-create-home --shell /usr/sbin/nologin --uid 100 postgres; passwd -l postgres >/dev/null",
                )
            },
        );
    }
    suite.run()
}

fn unusual(what: &str, more: &str) -> TestResult {
    let program = Program::new(env!("CARGO_BIN_EXE_pgkeep"))?;
    let machine = ThrowAwayRoot::builder().make()?;
    machine.install(program.path(), &["pgkeep"])?;
    machine
        .shell(&format!("{UNUSUAL}{more}\ntouch /tmp/busy"))?
        .success()?;
    let mut touching = machine
        .command("sh")
        .args(["-ec", TOUCH, "sh", "/tmp/busy"])
        .spawn()?;
    let said = machine.shell("pgkeep demo")?.success();
    std::fs::remove_file(machine.path("/tmp/busy"))?;
    if !touching.wait()?.success() {
        return Err("the files could not be replaced".into());
    }
    let said = said.map_err(|error| format!("{what}: {error}"))?.stdout;
    // As its help says, the directory is removed.
    if let Some(left) = machine.path("/tmp").read_dir()?.next() {
        return Err(format!("{what}: {} is left", left?.path().display()).into());
    }
    // Nobody sits at a terminal.
    if !said.is_ascii() || said.contains('\x1b') || !said.contains("$ pgkeep --repo=2 --delta ") {
        return Err(format!("{what}: not plain text with its commands:\n{said}").into());
    }
    // Not the server that runs as the user of the demonstration, which is for machines that allow no namespace.
    if !said.contains("in a chroot") {
        return Err(format!("{what}: no server with a chroot:\n{said}").into());
    }
    Ok(())
}
