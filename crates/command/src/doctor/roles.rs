//! The clusters of a stanza seen together: one primary, and standbys of it that will archive to the right place.

use pgkeep_postgres::control::ControlFile;

use super::check::{ARCHIVE_COMMAND, CLUSTER};
use crate::report::advice;
use crate::report::finding::{Finding, Subject};

/// One running cluster.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) key: u32,
    pub(super) standby: bool,
    pub(super) control: ControlFile,
    pub(super) archive_mode: String,
    /// The stanza that its `archive_command` names.
    pub(super) archives_to: Option<String>,
}

/// Compares the clusters of a stanza.
pub(super) fn examine(program: &str, stanza: &str, nodes: &[Node]) -> Vec<Finding> {
    let subject = Subject::stanza(stanza);
    let (standbys, primaries): (Vec<&Node>, Vec<&Node>) =
        nodes.iter().partition(|node| node.standby);
    let mut findings = Vec::new();
    if let [first, second, ..] = primaries[..] {
        findings.push(two_primaries(&subject, first, second));
    }
    for standby in standbys {
        let subject = subject.pg(standby.key);
        findings.push(follows(&subject, primaries.first().copied(), standby));
        findings.extend(archives(&subject, program, stanza, standby));
    }
    findings
}

fn two_primaries(subject: &Subject, first: &Node, second: &Node) -> Finding {
    let (one, two) = (first.key, second.key);
    if first.control.system_id == second.control.system_id {
        return subject.fail(
            &CLUSTER,
            format!("pg{one} and pg{two} are both primaries: backups and check are refused"),
            format!("stop the one that was replaced, or take pg{one}-… or pg{two}-… out of the configuration"),
        );
    }
    subject.fail(
        &CLUSTER,
        format!(
            "pg{one} and pg{two} are different clusters: system identifiers {} and {}",
            first.control.system_id, second.control.system_id
        ),
        format!(
            "give each cluster a stanza of its own: take pg{one}-… or pg{two}-… out of this one"
        ),
    )
}

fn follows(subject: &Subject, primary: Option<&Node>, standby: &Node) -> Finding {
    let (key, control) = (standby.key, &standby.control);
    match primary {
        Some(primary) if primary.control.system_id != control.system_id => subject.fail(
            &CLUSTER,
            format!(
                "a standby of another cluster: system identifier {}, but the primary pg{} has {}",
                control.system_id, primary.key, primary.control.system_id
            ),
            format!("make pg{key}-path, pg{key}-port and pg{key}-socket-path those of a standby of pg{}", primary.key),
        ),
        _ => subject.ok(
            &CLUSTER,
            format!("a standby of version {} runs", control.version),
        ),
    }
}

/// What it archives, now or once it is promoted. Nothing is said of one whose command names no stanza: it may be set up then.
fn archives(subject: &Subject, program: &str, stanza: &str, standby: &Node) -> Option<Finding> {
    let named = standby.archives_to.as_deref()?;
    if standby.archive_mode == "off" {
        return None;
    }
    let mend = advice::set_archive_command(program, stanza);
    Some(if named == stanza {
        subject.ok(&ARCHIVE_COMMAND, format!("names stanza '{stanza}'"))
    } else if standby.archive_mode == "always" {
        subject.fail(
            &ARCHIVE_COMMAND,
            format!("archives to stanza '{named}'"),
            mend,
        )
    } else {
        subject.warn(
            &ARCHIVE_COMMAND,
            format!("will archive to stanza '{named}' once it is promoted"),
            mend,
        )
    })
}

#[cfg(test)]
mod tests {
    use pgkeep_testkit::data_dir::DataDirBuilder;

    use super::*;
    use crate::report::finding::Grade;

    fn node(key: u32, standby: bool, system_id: u64, archives_to: Option<&str>) -> Node {
        let bytes = DataDirBuilder::new("17").unwrap().pg_control();
        let mut control = ControlFile::parse(&bytes, None).unwrap();
        control.system_id = system_id;
        Node {
            key,
            standby,
            control,
            archive_mode: "on".to_owned(),
            archives_to: archives_to.map(str::to_owned),
        }
    }

    fn bad(nodes: &[Node]) -> Vec<(Grade, Option<u32>, String)> {
        examine("pgbackrest", "main", nodes)
            .into_iter()
            .filter(|finding| finding.grade > Grade::Note)
            .map(|finding| {
                let pg = finding.subject.as_ref().and_then(|subject| subject.pg);
                (finding.grade, pg, finding.seen)
            })
            .collect()
    }

    #[test]
    fn a_primary_with_its_standbys_is_in_order() {
        let standbys = [
            node(1, true, 7, Some("main")),
            node(2, false, 7, Some("main")),
            node(3, true, 7, None),
        ];
        assert_eq!(bad(&standbys), []);
        assert_eq!(
            bad(&[node(1, true, 7, None)]),
            [],
            "its primary is elsewhere"
        );
    }

    #[test]
    fn strangers_and_second_primaries_are_found() {
        let found = bad(&[node(1, false, 7, None), node(2, true, 8, None)]);
        assert_eq!(
            found,
            [(
                Grade::Fail,
                Some(2),
                "a standby of another cluster: system identifier 8, but the primary pg1 has 7"
                    .to_owned()
            )]
        );
        let found = bad(&[node(1, false, 7, None), node(3, false, 7, None)]);
        assert!(
            found[0].2.starts_with("pg1 and pg3 are both primaries"),
            "{found:?}"
        );
        let found = bad(&[node(1, false, 7, None), node(3, false, 8, None)]);
        assert!(
            found[0].2.starts_with("pg1 and pg3 are different clusters"),
            "{found:?}"
        );
    }

    #[test]
    fn a_standby_that_will_archive_elsewhere_is_found_before_it_is_promoted() {
        let mut standby = node(2, true, 7, Some("other"));
        let grade = |standby: &Node| {
            archives(&Subject::default(), "pgbackrest", "main", standby)
                .map(|finding| finding.grade)
        };
        assert_eq!(grade(&standby), Some(Grade::Warn));
        standby.archive_mode = "always".to_owned();
        assert_eq!(grade(&standby), Some(Grade::Fail));
        standby.archive_mode = "off".to_owned();
        assert_eq!(grade(&standby), None);
    }
}
