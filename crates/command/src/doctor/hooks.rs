//! The programs that are run after an event: is each there, can it be run, and who else can change what it does.

use std::path::Path;

use pgkeep_config::command::CommandId;
use pgkeep_config::option::{self, OptionDef};
use pgkeep_config::shell_word;
use rustix::fs::{Access, FileType, Stat, access, stat};

use super::check::HOOK;
use crate::error::without_numbers;
use crate::report::finding::{Finding, Subject};
use crate::run::Context;

/// Who may write: everybody.
const OTHERS: u32 = 0o002;
/// In such a directory nobody removes what belongs to others.
const STICKY: u32 = 0o1000;

/// Those of the stanza of the run; nothing where none is set.
pub(super) fn examine(context: &Context) -> Vec<Finding> {
    let events: [(CommandId, &OptionDef); 5] = [
        (CommandId::ArchivePush, option::HOOK_ARCHIVE),
        (CommandId::Backup, option::HOOK_BACKUP),
        (CommandId::Drill, option::HOOK_DRILL),
        (CommandId::Expire, option::HOOK_EXPIRE),
        (CommandId::Verify, option::HOOK_VERIFY),
    ];
    let set = events.into_iter().filter_map(|(command, option)| {
        // What is wrong with the configuration of a command is told where it is used.
        let loaded = context.config.as_command(command, context.config.stanza());
        let program = loaded.ok()?.config.string(option)?.to_owned();
        Some(finding(option.name, Path::new(&program), context.user.uid))
    });
    set.collect()
}

fn finding(option: &str, program: &Path, user: u32) -> Finding {
    let host = Subject::default();
    let (shown, word) = (
        program.display(),
        shell_word(&program.display().to_string()),
    );
    let found = match stat(program) {
        Ok(found) => found,
        Err(error) => {
            let why = without_numbers(error.to_string());
            let seen = format!("{option}: '{shown}' cannot be run: {why}");
            let mend = format!("install -m 755 PROGRAM {word}, or correct {option}");
            return host.warn(&HOOK, seen, mend);
        }
    };
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        let seen = format!("{option}: '{shown}' is no program");
        return host.warn(&HOOK, seen, format!("correct {option}"));
    }
    if access(program, Access::EXEC_OK).is_err() {
        let seen = format!("{option}: '{shown}' may not be run by this user");
        return host.warn(&HOOK, seen, format!("chmod a+rx {word}"));
    }
    let directory = program.parent().unwrap_or(Path::new("/"));
    let around = stat(directory).ok();
    if found.st_mode & OTHERS != 0 {
        let seen = format!("{option}: everybody may change '{shown}'");
        return host.fail(&HOOK, seen, format!("chmod o-w {word}"));
    }
    if let Some(around) = around.filter(|found| found.st_mode & (OTHERS | STICKY) == OTHERS) {
        let seen = format!(
            "{option}: everybody may replace '{shown}': the directory has mode {:04o}",
            around.st_mode & 0o7777
        );
        let directory = directory.display().to_string();
        return host.fail(&HOOK, seen, format!("chmod o-w {}", shell_word(&directory)));
    }
    if !is_trusted(&found, user) {
        let seen = format!(
            "{option}: '{shown}' belongs to user {}, who may change it",
            found.st_uid
        );
        return host.warn(&HOOK, seen, format!("chown root {word}"));
    }
    host.ok(&HOOK, format!("{option}: '{shown}' can be run"))
}

/// It belongs to root, or to whoever runs it.
fn is_trusted(found: &Stat, user: u32) -> bool {
    found.st_uid == 0 || found.st_uid == user
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // makes the programs
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use pgkeep_config::Program;

    use super::*;
    use crate::report::finding::Grade;
    use crate::run::test_context;

    #[test]
    fn a_hook_must_be_a_program_that_only_its_user_or_root_can_change() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("d");
        create_dir(&directory).unwrap();
        let program = directory.join("hook");
        let user = rustix::process::geteuid().as_raw();
        let look = || finding("hook-backup", &program, user);
        let modes = |around, own| {
            set_permissions(&directory, Permissions::from_mode(around)).unwrap();
            set_permissions(&program, Permissions::from_mode(own)).unwrap();
            let found = look();
            (found.grade, found.mend)
        };
        let missing = look();
        assert_eq!(missing.grade, Grade::Warn);
        assert!(missing.mend.contains("install -m 755"), "{missing:?}");
        write(&program, "#!/bin/sh\n").unwrap();
        let said = |grade, mend: String| (grade, mend);
        let shown = program.display();
        let chmod = format!("chmod a+rx {shown}");
        assert_eq!(modes(0o755, 0o644), said(Grade::Warn, chmod));
        assert_eq!(modes(0o755, 0o755).0, Grade::Ok);
        let chmod = format!("chmod o-w {shown}");
        assert_eq!(modes(0o755, 0o757), said(Grade::Fail, chmod));
        let chmod = format!("chmod o-w {}", directory.display());
        assert_eq!(modes(0o757, 0o755), said(Grade::Fail, chmod));
        assert_eq!(modes(0o1777, 0o755).0, Grade::Ok);
        let of_another = finding("hook-backup", &program, user + 1);
        let expected = if user == 0 { Grade::Ok } else { Grade::Warn };
        assert_eq!(of_another.grade, expected);
        let no_program = finding("hook-backup", &directory, user);
        assert_eq!(no_program.grade, Grade::Warn);
    }

    #[test]
    fn hooks_of_every_command_are_looked_at() {
        let file = "[global]\nhook-backup=/no/a\n[global:archive-push]\nhook-archive=/no/b\n\
             [demo:drill]\nhook-drill=/no/c\n[demo]\npg1-path=/pg\n";
        let context = test_context::with_file(Program::PgKeep, "doctor", &[], file);
        let seen: Vec<String> = examine(&context).into_iter().map(|one| one.seen).collect();
        let names = ["hook-archive", "hook-backup", "hook-drill"];
        assert_eq!(seen.len(), names.len(), "{seen:?}");
        for (seen, name) in seen.iter().zip(names) {
            assert!(seen.starts_with(name), "{seen}");
        }
    }
}
