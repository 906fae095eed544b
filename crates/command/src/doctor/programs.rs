//! Which program the other hosts of a stanza have. Nothing is asked: each has said so when the connection was made.

use super::check::HOST_PROGRAM;
use crate::remote::own_side;
use crate::remote::wire::greeting::Side;
use crate::report::finding::{Finding, Subject};
use crate::run::Context;

pub(super) fn examine(context: &Context) -> Vec<Finding> {
    let stanza = context.config.stanza();
    let links = context.links.of(stanza);
    let told = links.iter().filter_map(|link| {
        let name = link.name();
        let subject = stanza.map_or_else(Subject::default, Subject::stanza);
        let subject = match name.side {
            Side::Pg => subject.pg(name.key),
            Side::Repo => subject.repo(name.key),
        };
        Some(finding(&subject, &name.host, &link.program_there()?))
    });
    told.collect()
}

fn finding(subject: &Subject, host: &str, there: &str) -> Finding {
    let here = own_side::PROGRAM;
    if there == here {
        return subject.ok(&HOST_PROGRAM, format!("'{host}' has {there}, as this host"));
    }
    subject.note(
        &HOST_PROGRAM,
        format!("'{host}' has {there}, this host has {here}"),
        "bring both to the same release; the repository's host first",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::Grade;

    #[test]
    fn another_release_on_the_other_host_is_told() {
        let subject = Subject::stanza("main").repo(1);
        let same = finding(&subject, "backup", own_side::PROGRAM);
        assert_eq!(same.grade, Grade::Ok);
        let other = finding(&subject, "backup", "pgkeep 99.0.0");
        assert_eq!(other.grade, Grade::Note);
        let seen = format!(
            "'backup' has pgkeep 99.0.0, this host has {}",
            own_side::PROGRAM
        );
        assert_eq!(other.seen, seen);
    }
}
