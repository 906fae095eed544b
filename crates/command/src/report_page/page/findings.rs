//! What `doctor` found, the worst first, each with what mends it.

use maud::{Markup, html};

use super::super::facts::{Doctor, Facts, Finding, Grade};
use super::words;
use crate::run::summary::count;

pub(super) fn section(facts: &Facts) -> Markup {
    html! {
        section aria-labelledby="findings" {
            h2 id="findings" { "What to do" }
            @match &facts.doctor {
                Doctor::NotAsked => p { "Doctor was not asked for this page (" code { "report-doctor=n" } "). " code { "pgkeep doctor" } " looks at the cluster, the repositories and this host." },
                Doctor::Failed(why) => div class="card finding warn" {
                    p { "Doctor could not look:" }
                    pre { (why) }
                },
                Doctor::Found(findings) => (found(findings)),
            }
        }
    }
}

fn found(findings: &[Finding]) -> Markup {
    let of = |grade| {
        findings
            .iter()
            .filter(move |finding| finding.grade == grade)
    };
    let number = |grade| of(grade).count() as u64;
    let bad = number(Grade::Fail) + number(Grade::Warn);
    html! {
        @if bad == 0 { p { "Doctor finds nothing that has to be done." } }
        @for grade in [Grade::Fail, Grade::Warn] {
            @for finding in of(grade) { (card(finding)) }
        }
        @if number(Grade::Note) > 0 {
            details {
                summary { (count(number(Grade::Note), "thing")) " to know" }
                @for finding in of(Grade::Note) { (card(finding)) }
            }
        }
        p class="soft small" {
            (count(number(Grade::Ok), "check")) " in order, " (number(Grade::NotTested)) " not tested."
        }
    }
}

fn card(finding: &Finding) -> Markup {
    let state = finding.grade.state();
    let word = match finding.grade {
        Grade::Fail => "failed",
        Grade::Warn => "warning",
        _ => "to know",
    };
    let class = match finding.grade {
        Grade::Fail => "card finding fail",
        Grade::Warn => "card finding warn",
        _ => "card finding",
    };
    html! {
        article class=(class) {
            h3 {
                (finding.subject) ": " (finding.title) " "
                @if finding.grade == Grade::Note { span class="badge none" { (word) } } @else { (words::badge(state, word)) }
            }
            p { (finding.seen) }
            p class="soft" { (finding.means) }
            @if !finding.mend.is_empty() { pre { (finding.mend) } }
        }
    }
}
