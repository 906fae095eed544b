//! The Debian packages: built by `scripts/package` from the program of the tests, installed, used, upgraded and removed.
//!
//! Everything happens in a throw-away root with dpkg's own database (`root.rs`); the machine's packages are never touched.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod root;

use std::path::Path;
use std::process::{Command, ExitCode};

use pgkeep_testkit::error::Error;
use pgkeep_testkit::run::run;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::root::Root;

fn main() -> ExitCode {
    Suite::new("package")
        .test("package_is_installed_used_upgraded_and_removed", life)
        .test("link_takes_the_place_of_pgbackrest_and_gives_it_back", link)
        .test(
            "manual_page_and_completion_work_where_they_are_installed",
            pages,
        )
        .test("units_are_accepted_by_systemd", units)
        .test("a_unit_that_fails_is_reported", reported)
        .test(
            "guides_are_in_the_package_and_their_links_lead_somewhere",
            guides,
        )
        .run()
}

/// A failure that says what is wrong unless `holds`.
fn ensure(holds: bool, what: &str) -> TestResult {
    if holds {
        Ok(())
    } else {
        Err(what.to_owned().into())
    }
}

fn life() -> TestResult {
    let root = Root::new()?;
    let before = root.tree()?;
    // Debian's pgbackrest is there, with a file of each kind that could collide.
    root.have_pgbackrest()?;
    root.install(&root.build(1)?)?;
    let version = run(Command::new(root.path("usr/bin/pgkeep")).arg("version"))?.success()?;
    ensure(version.stdout.starts_with("pgkeep "), &version.stdout)?;
    let help =
        run(Command::new(root.path("usr/bin/pgkeep")).args(["help", "backup"]))?.success()?;
    ensure(help.stdout.contains("--type"), &help.stdout)?;
    ensure(
        std::fs::read(root.path("usr/bin/pgbackrest"))? == root::PGBACKREST,
        "pgbackrest was touched",
    )?;
    ensure(
        !root.path("etc/pgkeep").exists(),
        "a configuration would hide the one of pgbackrest",
    )?;

    // What the administrator changed stays.
    std::fs::write(root.path("etc/logrotate.d/pgkeep"), "# mine\n")?;
    let data = root.path("var/lib/pgbackrest/archive/main");
    std::fs::create_dir_all(&data)?;
    root.install(&root.build(2)?)?;
    ensure(root.status("pgkeep")?.contains("0-2"), "not upgraded")?;
    ensure(
        std::fs::read_to_string(root.path("etc/logrotate.d/pgkeep"))? == "# mine\n",
        "a changed file was replaced",
    )?;

    root.dpkg(&["--purge", "pgkeep"])?.success()?;
    ensure(data.exists(), "purging removed a repository")?;
    root.dpkg(&["--purge", "pgbackrest"])?.success()?;
    std::fs::remove_dir_all(root.path("var/lib/pgbackrest"))?;
    for dir in ["log", "spool"] {
        let made = root.path(&format!("var/{dir}/pgbackrest"));
        if made.exists() {
            std::fs::remove_dir(made)?;
        }
    }
    let after = root.tree()?;
    ensure(
        before == after,
        &format!("left behind: {:?}", after.difference(&before)),
    )
}

fn link() -> TestResult {
    let root = Root::new()?;
    root.have_pgbackrest()?;
    let packages = root.build(1)?;
    root.install(&packages)?;
    root.dpkg(&[
        "--install",
        &packages
            .join(root::file_name("pgkeep-pgbackrest", 1)?)
            .to_string_lossy(),
    ])?
    .success()?;
    ensure(
        root.status("pgbackrest").is_err() || !root.status("pgbackrest")?.contains("ok installed"),
        "both provide pgbackrest",
    )?;
    let version = run(Command::new(root.path("usr/bin/pgbackrest")).arg("version"))?.success()?;
    ensure(version.stdout.starts_with("pgBackRest 2."), &version.stdout)?;
    // The link cannot stay without what it points to.
    ensure(
        root.dpkg(&["--remove", "pgkeep"])?.code != 0,
        "the program went away under its link",
    )?;
    root.dpkg(&["--remove", "pgkeep-pgbackrest"])?.success()?;
    ensure(
        std::fs::symlink_metadata(root.path("usr/bin/pgbackrest")).is_err(),
        "the link stayed",
    )
}

fn pages() -> TestResult {
    let root = Root::new()?;
    root.install(&root.build(1)?)?;
    let script = root.path("usr/share/bash-completion/completions/pgkeep");
    let completed = run(Command::new("bash").args(["--noprofile", "--norc", "-c"]).arg(format!(
        "source '{}' && complete -p pgkeep >/dev/null && PATH='{}':$PATH COMP_WORDS=(pgkeep rest) COMP_LINE='pgkeep rest' COMP_POINT=11 && _pgkeep && printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        root.path("usr/bin").display()
    )))?
    .success()?;
    ensure(
        completed
            .stdout
            .lines()
            .any(|word| word.trim() == "restore"),
        &completed.stdout,
    )?;
    let page = root.path("usr/share/man/man1/pgkeep.1.gz");
    let text = need("man")
        .and_then(|man| {
            run(Command::new(man)
                .arg("-l")
                .arg(page)
                .env("LC_ALL", "C")
                .env("MANPAGER", "cat"))
        })?
        .success()?;
    for words in ["--stanza", "SYNOPSIS", "SEE ALSO", "systemd.timer(5)"] {
        ensure(text.stdout.contains(words), &text.stdout)?;
    }
    // What the page names is in the package.
    for place in [
        "/usr/share/doc/pgkeep/guide",
        "/usr/share/doc/pgkeep/reference",
    ] {
        let named = text
            .stdout
            .split_whitespace()
            .any(|word| word.trim_end_matches([',', '.']) == place);
        ensure(named && root.path(&place[1..]).is_dir(), place)?;
    }
    Ok(())
}

/// Links of pages to other pages are for the package too; those to headings are checked by the suite of documents.
fn guides() -> TestResult {
    let root = Root::new()?;
    root.install(&root.build(1)?)?;
    let top = root.path("usr/share/doc/pgkeep");
    ensure(top.join("guide/getting-started.md").is_file(), "no guide")?;
    let mut links = 0;
    // The empty one is the directory itself, where the page of figures is.
    for folder in ["guide", "reference", ""] {
        for entry in top.join(folder).read_dir()? {
            let page = entry?.path();
            if page.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = std::fs::read_to_string(&page)?;
            for link in text
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next())
            {
                let file = link.split('#').next().unwrap_or_default();
                if link.contains("://") || file.is_empty() {
                    continue;
                }
                links += 1;
                let target = top.join(folder).join(file).canonicalize();
                ensure(
                    target.is_ok_and(|target| {
                        target.starts_with(top.canonicalize().unwrap_or_default())
                    }),
                    &format!("{} leads to {link}", page.display()),
                )?;
            }
        }
    }
    ensure(links > 10, "no links were found")
}

/// Every service that a timer starts names the unit that reports, and that one says which failed.
fn reported() -> TestResult {
    let root = Root::new()?;
    root.install(&root.build(1)?)?;
    let units = root.path("usr/lib/systemd/system");
    let mut services = 0;
    for entry in units.read_dir()? {
        let timer = entry?.path();
        if timer.extension().is_some_and(|kind| kind == "timer") {
            services += 1;
            let text = std::fs::read_to_string(timer.with_extension("service"))?;
            ensure(
                text.contains("\nOnFailure=pgkeep-failed@%n.service\n"),
                &format!("{} fails without a word", timer.display()),
            )?;
        }
    }
    ensure(
        services == 5,
        "full, diff, verify, drill and metrics have timers",
    )?;
    let text = std::fs::read_to_string(units.join("pgkeep-failed@.service"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .ok_or("no ExecStart")?
        .replace("%i", "pgkeep-full@main.service");
    // To a log of the test's own in place of the system's.
    let dir = tempfile::tempdir()?;
    let place = dir.path().join("log");
    let log = std::os::unix::net::UnixDatagram::bind(&place)?;
    log.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
    let line = format!("{line} --socket {}", place.display());
    run(Command::new("sh").args(["-ec", &line]))?.success()?;
    let mut said = vec![0; 1024];
    let length = log.recv(&mut said)?;
    let said = String::from_utf8_lossy(said.get(..length).unwrap_or_default()).into_owned();
    // <27>: daemon, err.
    ensure(
        said.starts_with("<27>") && said.contains("pgkeep-full@main.service failed"),
        &said,
    )
}

fn units() -> TestResult {
    let root = Root::new()?;
    root.install(&root.build(1)?)?;
    let analyze = need("systemd-analyze")?;
    for kind in ["full", "diff", "verify", "drill"] {
        let calendar = std::fs::read_to_string(
            root.path(&format!("usr/lib/systemd/system/pgkeep-{kind}@.timer")),
        )?;
        let when = calendar
            .lines()
            .find_map(|line| line.strip_prefix("OnCalendar="))
            .ok_or("no OnCalendar")?;
        run(Command::new(&analyze).args(["calendar", when]))?.success()?;
        // Units are looked up beside the one that is named; the instance is a file of that name.
        let dir = tempfile::tempdir()?;
        for unit in ["service", "timer"] {
            let text = std::fs::read_to_string(
                root.path(&format!("usr/lib/systemd/system/pgkeep-{kind}@.{unit}")),
            )?;
            // The program is not at its place on this machine.
            let text = text.replace(
                "/usr/bin/pgkeep",
                &root.path("usr/bin/pgkeep").to_string_lossy(),
            );
            std::fs::write(dir.path().join(format!("pgkeep-{kind}@.{unit}")), text)?;
        }
        std::fs::copy(
            root.path("usr/lib/systemd/system/pgkeep-failed@.service"),
            dir.path().join("pgkeep-failed@.service"),
        )?;
        let verified = run(Command::new(&analyze)
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(
                dir.path()
                    .join(format!("pgkeep-failed@pgkeep-{kind}@main.service.service")),
            )
            .arg(dir.path().join(format!("pgkeep-{kind}@main.timer")))
            .arg(dir.path().join(format!("pgkeep-{kind}@main.service"))))?
        .success()?;
        ensure(
            !verified.stderr.contains("pgkeep-"),
            &format!("complaint: {}", verified.stderr),
        )?;
    }
    // Units without instances.
    let dir = tempfile::tempdir()?;
    let program = root.path("usr/bin/pgkeep");
    let names = [
        "pgkeep-failed@.service",
        "pgkeep-server.service",
        "pgkeep-metrics.service",
        "pgkeep-metrics.timer",
        "pgkeep-serve.service",
        "pgkeep-serve.socket",
    ];
    for name in names {
        let text = std::fs::read_to_string(root.path(&format!("usr/lib/systemd/system/{name}")))?;
        let text = text.replace("/usr/bin/pgkeep", &program.to_string_lossy());
        std::fs::write(dir.path().join(name), text)?;
    }
    for entry in std::fs::read_dir(root.path("usr/lib/systemd/system"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let timed = name.starts_with("pgkeep-") && name.contains('@');
        ensure(
            timed || names.contains(&name.as_str()),
            &format!("{name} is not verified"),
        )?;
    }
    let units = names[1..].iter().map(|name| dir.path().join(name));
    let verified = run(Command::new(&analyze)
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .args(units))?
    .success()?;
    ensure(
        !verified.stderr.contains("pgkeep-"),
        &format!("complaint: {}", verified.stderr),
    )
}

/// Where a program of this machine is, or that it is missing.
fn need(program: &str) -> Result<std::path::PathBuf, Error> {
    ["/usr/bin", "/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.exists())
        .ok_or_else(|| Error::missing(program))
}
