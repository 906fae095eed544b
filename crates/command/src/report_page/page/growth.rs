//! How the cluster and the repository grow: sizes of sets over time.

use maud::{Markup, html};

use super::super::facts::{Facts, Repository, Set};
use super::scale::Scale;
use super::words;
use crate::report::size_text::size_text;

const HEIGHT: u32 = 120;
/// Below the label of the largest.
const TOP: f64 = 20.0;

/// Two charts; nothing where there is no set.
pub(super) fn charts(facts: &Facts, repository: &Repository, id: &str) -> Markup {
    let sets = &repository.sets;
    let (Some(first), Some(last)) = (sets.first(), sets.last()) else {
        return html! {};
    };
    let scale = Scale::over(sets.iter().map(|set| set.stop));
    html! {
        div class="charts" {
            figure {
                figcaption id={ (id) "-size" } { "Size of the cluster" }
                svg height=(HEIGHT + 24) role="img" aria-labelledby={ (id) "-size" } aria-describedby={ (id) "-size-text" } {
                    (size(facts, sets, scale))
                }
                p id={ (id) "-size-text" } class="soft small" {
                    "From " (size_text(first.size)) " on " (words::format(facts, first.stop, "%Y-%m-%d"))
                    " to " (size_text(last.size)) " on " (words::format(facts, last.stop, "%Y-%m-%d")) "."
                }
            }
            figure {
                figcaption id={ (id) "-added" } { "Added to the repository by each set" }
                svg height=(HEIGHT + 24) role="img" aria-labelledby={ (id) "-added" } aria-describedby={ (id) "-added-text" } {
                    (added(facts, sets, scale))
                }
                p id={ (id) "-added-text" } class="soft small" {
                    (size_text(sets.iter().fold(0, |all, set| all.saturating_add(set.stored)))) " in all, " (sets.len()) @if sets.len() == 1 { " set" } @else { " sets" }
                    ", the last with " (size_text(last.stored)) "."
                }
            }
        }
    }
}

/// Where a value is, of the largest.
fn y(value: u64, largest: u64) -> f64 {
    let part = value as f64 / largest.max(1) as f64;
    f64::from(HEIGHT) - part * (f64::from(HEIGHT) - TOP)
}

fn frame(facts: &Facts, scale: Scale, largest: u64) -> Markup {
    html! {
        text x="0" y="12" { (size_text(largest)) }
        @for part in [TOP, (TOP + f64::from(HEIGHT)) / 2.0] {
            line class="grid" x1="0" x2="100%" y1=(part) y2=(part) {}
        }
        (scale.axis(facts, HEIGHT))
    }
}

fn size(facts: &Facts, sets: &[Set], scale: Scale) -> Markup {
    let largest = sets.iter().map(|set| set.size).max().unwrap_or(0);
    let point = |set: &Set| format!("{:.2},{:.1}", scale.percent(set.stop), y(set.size, largest));
    let points: Vec<String> = sets.iter().map(point).collect();
    let end = |set: Option<&Set>| {
        set.map(|set| format!("{:.2},{HEIGHT}", scale.percent(set.stop)))
            .unwrap_or_default()
    };
    let area = format!(
        "{} {} {}",
        end(sets.first()),
        points.join(" "),
        end(sets.last())
    );
    html! {
        (frame(facts, scale, largest))
        svg width="100%" height=(HEIGHT) viewBox={ "0 0 100 " (HEIGHT) } preserveAspectRatio="none" {
            polygon class="area" points=(area) {}
            polyline class="curve" points=(points.join(" ")) vector-effect="non-scaling-stroke" {}
        }
        @for set in sets {
            circle class="full" cx=(scale.x(set.stop)) cy=(format!("{:.1}", y(set.size, largest))) r="2.5" {
                title { (words::time(facts, set.stop)) ", " (size_text(set.size)) }
            }
        }
    }
}

fn added(facts: &Facts, sets: &[Set], scale: Scale) -> Markup {
    let largest = sets.iter().map(|set| set.stored).max().unwrap_or(0);
    let width = (220 / sets.len().max(1)).clamp(2, 12);
    html! {
        (frame(facts, scale, largest))
        @for set in sets {
            @let top = y(set.stored, largest).min(f64::from(HEIGHT) - 2.0);
            line class={ "bar " (set.kind.name()) } x1=(scale.x(set.stop)) x2=(scale.x(set.stop)) y1=(HEIGHT) y2=(format!("{top:.1}")) stroke-width=(width) {
                title { (set.label) ", " (size_text(set.stored)) }
            }
        }
    }
}
