//! Programs, terminals and displays: what one can ask for on a session.

use pgkeep_storage::sftp::examine::{Examiner, Program, Started};

use super::check::{DISPLAY, EXEC, SHELL, SUBSYSTEM, TERMINAL};
use crate::report::check::Check;
use crate::report::finding::{Finding, Grade};

/// Names under which servers offer other programs.
const SUBSYSTEMS: [&str; 3] = ["netconf", "shell", "powershell"];

pub(super) fn examine(server: &Examiner) -> Vec<Finding> {
    let asked = [
        Program::Shell,
        Program::Command,
        Program::Subsystem(SUBSYSTEMS[0]),
        Program::Subsystem(SUBSYSTEMS[1]),
        Program::Subsystem(SUBSYSTEMS[2]),
    ];
    let (extras, mut started) = std::thread::scope(|scope| {
        let extras = scope.spawn(|| server.extras());
        let programs = asked.map(|program| scope.spawn(move || server.start(program)));
        (
            extras.join().expect("asking does not panic"),
            programs.map(|thread| thread.join().expect("asking does not panic")),
        )
    });
    // A server with a low MaxSessions refuses some when all are asked for at once.
    for (answer, program) in started.iter_mut().zip(asked) {
        if matches!(answer, Started::Unknown(_)) {
            *answer = server.start(program);
        }
    }
    let extras = if extras.terminal.is_none() {
        server.extras()
    } else {
        extras
    };
    let [shell, command, subsystems @ ..] = started;
    vec![
        program(&SHELL, &shell),
        program(&EXEC, &command),
        subsystem(&subsystems),
        extra(&TERMINAL, extras.terminal),
        extra(&DISPLAY, extras.display),
    ]
}

fn program(check: &'static Check, started: &Started) -> Finding {
    match started {
        Started::Refused => Finding::new(check, Grade::Ok, "refused"),
        Started::Sftp => Finding::new(check, Grade::Ok, "SFTP only"),
        Started::Shell => Finding::new(check, Grade::Fail, "ran what it was told"),
        Started::Other { text, status } => {
            let status = status.map_or_else(String::new, |status| format!(" (status {status})"));
            let text = if text.is_empty() {
                "nothing was written"
            } else {
                text
            };
            Finding::new(
                check,
                Grade::Warn,
                format!("allowed; only the account's shell stood in the way: {text}{status}"),
            )
        }
        Started::Unknown(why) => Finding::new(check, Grade::NotTested, why.clone()),
    }
}

fn subsystem(answers: &[Started]) -> Finding {
    let all = answers.iter().zip(SUBSYSTEMS).map(|(answer, name)| {
        let mut finding = program(&SUBSYSTEM, answer);
        finding.seen = format!("{name}: {}", finding.seen);
        finding
    });
    let worst = all
        .max_by_key(|finding| finding.grade)
        .expect("there are names to try");
    if worst.grade == Grade::Ok {
        let seen = format!("{}: refused, or SFTP only", SUBSYSTEMS.join(", "));
        return Finding::new(&SUBSYSTEM, Grade::Ok, seen);
    }
    worst
}

pub(super) fn extra(check: &'static Check, granted: Option<bool>) -> Finding {
    match granted {
        Some(false) => Finding::new(check, Grade::Ok, "refused"),
        Some(true) => Finding::new(check, Grade::Fail, "granted"),
        None => Finding::new(check, Grade::NotTested, "no answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_subsystem_is_named_and_no_answer_is_no_pass() {
        let other = Started::Other {
            text: "no such shell".into(),
            status: Some(1),
        };
        let finding = subsystem(&[Started::Refused, other, Started::Sftp]);
        assert_eq!(finding.grade, Grade::Warn);
        assert!(
            finding.seen.starts_with("shell: allowed"),
            "{}",
            finding.seen
        );
        let finding = program(&EXEC, &Started::Unknown("no answer".into()));
        assert_eq!(finding.grade, Grade::NotTested);
        assert_eq!(
            subsystem(&[Started::Refused, Started::Sftp, Started::Refused]).grade,
            Grade::Ok
        );
    }
}
