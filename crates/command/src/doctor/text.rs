//! The report for people: at the end what is to be done, the worst last, because that is what stays on the screen.

use crate::report::finding::Grade;
use crate::report::findings::Findings;
use crate::report::text::{findings_table, remedy, totals};
use crate::report::wording::Wording;

pub(super) const WORDING: Wording = Wording {
    ok: "ok",
    note: "note",
    totals: [
        (Grade::Fail, "failed"),
        (Grade::Warn, "warned"),
        (Grade::Note, "to know"),
        (Grade::Ok, "in order"),
        (Grade::NotTested, "not tested"),
    ],
};

/// `verbose`: with a table of what is in order before it.
pub(super) fn render(findings: &Findings, verbose: bool) -> String {
    let mut text = String::new();
    if verbose {
        // What is in order or could not be asked.
        let quiet = findings
            .iter()
            .filter(|finding| finding.grade < Grade::Note);
        let table = findings_table(&WORDING, quiet);
        if !table.is_empty() {
            text.push_str(&format!("{table}\n"));
        }
    }
    for grade in [Grade::Note, Grade::Warn, Grade::Fail] {
        for finding in findings.graded(grade) {
            text.push_str(&format!("{}\n", remedy(&WORDING, finding)));
        }
    }
    let quiet = findings.count(Grade::Ok) + findings.count(Grade::NotTested);
    let more = match quiet > 0 && !verbose {
        true => " (--verbose shows these)",
        false => "",
    };
    text.push_str(&format!("{}{more}.\n", totals(&WORDING, findings)));
    text
}

#[cfg(test)]
mod tests {
    use super::super::check::{CLOCK, MOUNT, RETENTION};
    use super::*;
    use crate::report::finding::Subject;

    #[test]
    fn the_worst_comes_last_and_what_is_in_order_only_on_request() {
        let subject = Subject::default();
        let report = Findings::from(vec![
            subject.fail(&MOUNT, "it is gone", "mount it"),
            subject.warn(&RETENTION, "it is not set", "set it"),
            subject.ok(&CLOCK, "agrees with ours"),
        ]);
        let short = render(&report, false);
        let at = |text: &str, part: &str| text.find(part);
        assert!(at(&short, "WARN: ") < at(&short, "FAIL: "), "{short}");
        assert!(!short.contains("agrees with ours"), "{short}");
        assert!(
            short.ends_with("\n\n1 failed, 1 warned, 0 to know, 1 in order, 0 not tested (--verbose shows these).\n"),
            "{short}"
        );
        let long = render(&report, true);
        assert!(
            at(&long, "agrees with ours") < at(&long, "WARN: "),
            "{long}"
        );
        assert!(!long.contains("--verbose"), "{long}");
    }
}
