//! Places of moments on an axis, in percent, so that a chart fits any width without a script.

use maud::{Markup, html};

use super::super::facts::Facts;
use super::words;

/// Percent left free at both ends for marks.
const MARGIN: f64 = 2.5;
const DAY: i64 = 86_400;

/// The times of one repository.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: i64,
    to: i64,
}

impl Scale {
    /// From the first of `times` to the last.
    pub(super) fn over(times: impl Iterator<Item = i64> + Clone) -> Self {
        let from = times.clone().min().unwrap_or(0);
        let to = times.max().unwrap_or(0);
        Self {
            from,
            to: to.max(from.saturating_add(60)),
        }
    }

    /// At least one second: `to` is later than `from` unless that is the end of time.
    fn length(self) -> i64 {
        self.to.saturating_sub(self.from).max(1)
    }

    /// Without the margin: for what is drawn in a stretched box.
    pub(super) fn percent(self, time: i64) -> f64 {
        let part = time.saturating_sub(self.from) as f64 / self.length() as f64;
        MARGIN + part.clamp(0.0, 1.0) * (100.0 - 2.0 * MARGIN)
    }

    pub(super) fn x(self, time: i64) -> String {
        format!("{:.2}%", self.percent(time))
    }

    /// At least so wide that it is seen.
    pub(super) fn width(self, from: i64, to: i64) -> String {
        let width = self.percent(to) - self.percent(from);
        format!("{:.2}%", width.max(0.4))
    }

    /// A line at `y` with the first, the middle and the last time below it.
    pub(super) fn axis(self, facts: &Facts, y: u32) -> Markup {
        let form = match self.length() {
            0..DAY => "%H:%M",
            DAY..432_000 => "%m-%d %H:%M",
            _ => "%Y-%m-%d",
        };
        let middle = self.from.saturating_add(self.length() / 2);
        let ends = [(self.from, "start"), (middle, "middle"), (self.to, "end")];
        html! {
            line class="axis" x1="0" x2="100%" y1=(y) y2=(y) {}
            @for (time, anchor) in ends {
                @let x = match anchor { "start" => "0%".to_owned(), "end" => "100%".to_owned(), _ => self.x(time) };
                line class="axis" x1=(self.x(time)) x2=(self.x(time)) y1=(y) y2=(y + 5) {}
                text x=(x) y=(y + 19) text-anchor=(anchor) { (words::format(facts, time, form)) }
            }
        }
    }
}
