//! The report for people: at the end what is to be done, the worst last, because that is what stays on the screen.

use super::Report;
use super::finding::{Finding, Grade};
use crate::report::sftp_report;

/// `verbose`: with a table of what is in order before it.
pub(super) fn render(report: &Report, verbose: bool) -> String {
    let mut text = String::new();
    if verbose {
        text.push_str(&table(report));
    }
    for grade in [Grade::Note, Grade::Warn, Grade::Fail] {
        for finding in report.findings.iter().filter(|f| f.grade == grade) {
            text.push_str(&remedy(finding));
        }
    }
    text.push_str(&summary(report, verbose));
    text
}

/// What is in order or could not be asked; empty if there is none.
fn table(report: &Report) -> String {
    let mut table = sftp_report::table(&["check", "of", "result", "seen"]);
    let mut quiet = report
        .findings
        .iter()
        .filter(|finding| finding.grade < Grade::Note)
        .peekable();
    if quiet.peek().is_none() {
        return String::new();
    }
    for finding in quiet {
        table.add_row([
            finding.check.title,
            &finding.subject.text(),
            finding.grade.name(),
            &finding.seen,
        ]);
    }
    format!("{}\n\n", table.trim_fmt())
}

/// Hints of errors stand on lines of their own.
fn remedy(finding: &Finding) -> String {
    format!(
        "{}: {} ({}, {})\n  {}\n  {}\n  mend with: {}\n\n",
        finding.grade.name().to_uppercase(),
        finding.check.title,
        finding.check.name,
        finding.subject.text(),
        finding.seen.replace('\n', "\n  "),
        finding.check.means,
        finding.mend
    )
}

fn summary(report: &Report, verbose: bool) -> String {
    let text = [
        (Grade::Fail, "failed"),
        (Grade::Warn, "warned"),
        (Grade::Note, "to know"),
        (Grade::Ok, "in order"),
        (Grade::NotTested, "not tested"),
    ]
    .iter()
    .map(|(grade, name)| format!("{} {name}", report.count(*grade)))
    .collect::<Vec<_>>()
    .join(", ");
    let quiet = report.count(Grade::Ok) + report.count(Grade::NotTested);
    let more = match quiet > 0 && !verbose {
        true => " (--verbose shows these)",
        false => "",
    };
    format!("{text}{more}.\n")
}

#[cfg(test)]
mod tests {
    use super::super::check::{CLOCK, MOUNT, RETENTION};
    use super::super::finding::Subject;
    use super::*;

    #[test]
    fn the_worst_comes_last_and_what_is_in_order_only_on_request() {
        let subject = Subject::default();
        let report = Report {
            findings: vec![
                subject.fail(&MOUNT, "it is gone", "mount it"),
                subject.warn(&RETENTION, "it is not set", "set it"),
                subject.ok(&CLOCK, "agrees with ours"),
            ],
        };
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
