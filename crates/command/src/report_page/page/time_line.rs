//! The time line of a repository: what can be restored, its sets as marks, gaps.

use maud::{Markup, html};

use super::super::coverage;
use super::super::facts::{Coverage, Facts, Gap, Repository, Set, State};
use super::scale::Scale;
use super::words;
use crate::report::size_text::size_text;
use crate::report::time_text::time_text;

/// Top of the bar, and its height.
const BAR: (u32, u32) = (42, 14);
/// Where the marks are.
const MARKS: u32 = 22;

/// `id` is that of the repository on the page.
pub(super) fn figure(facts: &Facts, repository: &Repository, id: &str) -> Markup {
    let sets = &repository.sets;
    let scale = Scale::over(sets.iter().map(|set| set.stop).chain([facts.at]));
    let nothing = Coverage::default();
    let coverage = repository.coverage.as_ref().unwrap_or(&nothing);
    let largest = sets.iter().map(|set| set.stored).max().unwrap_or(0);
    html! {
        figure {
            figcaption id={ (id) "-line" } { "What can be restored" }
            svg height="88" role="img" aria-labelledby={ (id) "-line" } aria-describedby={ (id) "-line-text" } {
                rect class="track" x=(scale.x(i64::MIN / 4)) y=(BAR.0) width=(scale.width(i64::MIN / 4, i64::MAX / 4)) height=(BAR.1) rx="3" {}
                @for span in &coverage.spans {
                    rect class="span" x=(scale.x(span.from)) y=(BAR.0) width=(scale.width(span.from, span.to)) height=(BAR.1) rx="2" {}
                }
                @for gap in &coverage.gaps {
                    @let to = gap.to.unwrap_or(facts.at);
                    rect class="gap" x=(scale.x(gap.from)) y=(BAR.0) width=(scale.width(gap.from, to)) height=(BAR.1) { title { (gap_text(facts, gap)) } }
                }
                @for set in sets { (mark(facts, scale, set, largest)) }
                (scale.axis(facts, BAR.0 + BAR.1 + 8))
            }
            (words::legend(!coverage.gaps.is_empty()))
            div id={ (id) "-line-text" } { (in_words(facts, repository)) }
        }
    }
}

/// The area grows with what the set added.
fn mark(facts: &Facts, scale: Scale, set: &Set, largest: u64) -> Markup {
    let part = set.stored as f64 / largest.max(1) as f64;
    let size = 7.0 + 8.0 * part.sqrt();
    let bad = if set.state > State::Ok { " bad" } else { "" };
    html! {
        svg x=(scale.x(set.stop)) y=(MARKS) overflow="visible" {
            path class={ "mark " (set.kind.name()) (bad) } d=(words::shape(set.kind, size)) {
                title { (set.label) ", " (set.kind.name()) ", " (words::time(facts, set.stop)) ", " (size_text(set.stored)) }
            }
        }
    }
}

/// The same in words.
fn in_words(facts: &Facts, repository: &Repository) -> Markup {
    let Some(coverage) = &repository.coverage else {
        return html! {
            p class="warn" { "The WAL could not be read, so it is not known which moments can be restored." }
            @if let Some(why) = &repository.wal_error { pre class="warn" { (why) } }
        };
    };
    html! {
        @if coverage.spans.is_empty() {
            p class="fail" { "Nothing can be restored." }
        }
        @if let Some(span) = coverage.spans.last() {
            p {
                @if span.from == span.to {
                    "The newest moment is that of a backup, " (words::time_element(facts, span.to)) "."
                } @else {
                    "Any moment from " (words::time_element(facts, span.from)) " to " (words::time_element(facts, span.to))
                    " (" (time_text(u64::try_from(span.to.saturating_sub(span.from)).unwrap_or(0))) ") can be restored."
                }
            }
        }
        @if !coverage.gaps.is_empty() {
            ul class="dense" {
                @for gap in &coverage.gaps { li class="fail" { (gap_text(facts, gap)) } }
            }
        }
    }
}

fn gap_text(facts: &Facts, gap: &Gap) -> String {
    let to = match gap.to {
        Some(to) => format!("to {}", words::time(facts, to)),
        None => "on".to_owned(),
    };
    format!(
        "Gap from {} {to}: WAL {} is missing",
        words::time(facts, gap.from),
        coverage::text(&gap.first, &gap.last)
    )
}
