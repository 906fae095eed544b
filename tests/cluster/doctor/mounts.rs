//! A repository whose file system is not mounted, on a machine of its own with its own `/etc/fstab`.

use std::fs;

use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::TestResult;
use pgkeep_testkit::throw_away_root::ThrowAwayRoot;
use serde_json::Value;

use crate::stage::Result;

const CONFIG: &str = "[global]\nrepo1-path=/backup/repo\nrepo1-retention-full=2\nlog-path=/var/log/pgbackrest\n\
    [main]\npg1-path=/var/lib/postgresql/none\n";
const FSTAB: &str = "UUID=1 / ext4 defaults 0 1\nUUID=2 /backup ext4 nofail 0 2\n";
const UNIT: &str = "[Mount]\nWhat=/dev/disk/by-uuid/2\nWhere=/backup\n";

/// What `doctor` says of repo1: check, result, and what was seen and mends it.
fn look(machine: &ThrowAwayRoot) -> Result<Vec<(String, String, String)>> {
    let said = machine
        .as_postgres("pgkeep --output=json --log-level-console=off doctor || test $? = 2")?
        .success()?
        .stdout;
    let report: Value = serde_json::from_str(&said)?;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = report["check"].as_array().ok_or("no findings")?;
    Ok(findings
        .iter()
        .filter(|finding| finding["repo"] == 1)
        .map(|finding| {
            let told = format!("{}; {}", text(finding, "seen"), text(finding, "mend"));
            (text(finding, "check"), text(finding, "result"), told)
        })
        .collect())
}

/// The mount is blamed, with these words, and nothing proposes to change owners.
fn blamed(machine: &ThrowAwayRoot, parts: &[&str], never: &[&str]) -> TestResult {
    let found = look(machine)?;
    let bad: Vec<_> = found.iter().filter(|one| one.1 == "fail").collect();
    let [(check, _, told)] = &bad[..] else {
        return Err(format!("not one failure: {found:#?}").into());
    };
    let all = format!("{found:?}");
    let missing = parts.iter().find(|part| !told.contains(**part));
    let wrong = never.iter().find(|part| all.contains(**part));
    if check != "mount" || missing.is_some() || wrong.is_some() {
        return Err(format!("no '{missing:?}', or '{wrong:?}', in {found:#?}").into());
    }
    Ok(())
}

pub fn unmounted(program: &Program) -> TestResult {
    let machine = ThrowAwayRoot::builder().make()?;
    machine.add_postgres()?;
    machine.install(program.path(), &["pgkeep"])?;
    let user = machine.scratch().account().name().to_owned();
    machine
        .shell(&format!(
            "mkdir -p /backup /etc/pgkeep; install -d -o {user} /var/log/pgbackrest"
        ))?
        .success()?;
    fs::write(machine.path("/etc/pgkeep/pgkeep.conf"), CONFIG)?;
    let never = &["chown", "stanza-create", "install -d"];

    // fstab names the mount point, or a unit does: with and without the directory in it.
    let unit = machine.path("/etc/systemd/system/backup.mount");
    fs::create_dir_all(unit.parent().ok_or("no parent")?)?;
    for (file, text, name) in [
        (machine.path("/etc/fstab"), FSTAB, "/etc/fstab"),
        (unit, UNIT, "/etc/systemd/system/backup.mount"),
    ] {
        fs::write(&file, text)?;
        let parts = &["'/backup' is not mounted, though", name, "; mount /backup"];
        blamed(&machine, parts, never)?;
        machine.shell("mkdir /backup/repo")?.success()?;
        blamed(&machine, parts, never)?;
        machine.shell("rmdir /backup/repo")?.success()?;
        fs::remove_file(&file)?;
    }

    // Nothing names it: blamed where backups were made before.
    machine.shell("mkdir /backup/repo")?.success()?;
    let log = machine.path("/var/log/pgbackrest/main-backup.log");
    fs::write(
        &log,
        "P00   INFO: backup command end: completed successfully (1ms)\n",
    )?;
    let parts = &[
        "'/backup/repo' is empty and nothing is mounted there, but",
        "main-backup.log' tells of finished backups",
        "mount what belongs there",
        "only if the repository is to be new: pgkeep --stanza=main stanza-create",
    ];
    blamed(&machine, parts, &["chown"])?;
    // A disk of that name that is not the right one.
    machine
        .shell("rmdir /backup/repo; mount -t tmpfs tmpfs /backup")?
        .success()?;
    let parts = &["the file system mounted at '/backup' is empty"];
    blamed(&machine, parts, &["chown"])?;

    // A new repository is none of this.
    fs::remove_file(&log)?;
    machine
        .shell(&format!("install -d -o {user} /backup/repo"))?
        .success()?;
    let found = look(&machine)?;
    let of = |check: &str| {
        let found = found.iter().find(|one| one.0 == check);
        found.map(|one| (one.1.as_str(), one.2.as_str()))
    };
    match (of("mount"), of("stanza")) {
        (Some(("ok", seen)), Some(("fail", told)))
            if seen.contains("mounted at '/backup'") && told.contains("stanza-create") => {}
        _ => return Err(format!("{found:#?}").into()),
    }
    // What was written below the mount point while it was not mounted.
    machine
        .shell("umount /backup; mkdir -p /backup/repo/backup")?
        .success()?;
    fs::write(machine.path("/etc/fstab"), FSTAB)?;
    let found = look(&machine)?;
    match found.iter().find(|one| one.0 == "mount") {
        Some((_, result, told)) if result == "warn" && told.contains("will be hidden") => Ok(()),
        _ => Err(run(machine.command("cat").arg("/proc/self/mountinfo"))
            .map(|mounts| format!("{found:#?}\n{}", mounts.stdout))?
            .into()),
    }
}
