//! The page as HTML: one document without scripts that loads nothing.
//!
//! All text goes through maud, which escapes it. No colour says anything that words do not say as well.

mod findings;
mod growth;
mod palette;
mod scale;
mod sets;
mod stanza;
mod time_line;
mod words;

use std::sync::LazyLock;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::facts::{Facts, State};
use crate::run::summary::{count, list};

static STYLE: LazyLock<String> =
    LazyLock::new(|| format!("{}{}", palette::variables(), include_str!("style.css")));

/// What the page allows itself: its own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The text of the one `style` element.
#[must_use]
pub fn style() -> &'static str {
    &STYLE
}

/// The whole document. `notice` is a sentence that is shown on top.
#[must_use]
pub fn page(facts: &Facts, notice: Option<&str>) -> String {
    let state = facts.state();
    let title = format!("Backups on {}: {}", facts.host, words::state(state));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                // Without it a browser asks the server for an icon.
                link rel="icon" href="data:,";
                style { (PreEscaped(style())) }
            }
            body {
                a class="skip" href="#main" { "To the content" }
                header class="wide" {
                    h1 { "Backups on " (facts.host) }
                    p class="soft" { "As of " (words::time_element(facts, facts.at)) " (" (words::format(facts, facts.at, "%Z")) ")" }
                    @if let Some(notice) = notice { p class="notice warn" role="status" { (notice) } }
                    (verdict(facts, state))
                    (contents(facts))
                }
                main id="main" class="wide" {
                    (findings::section(facts))
                    @for (number, one) in (1..).zip(&facts.stanzas) { (stanza::section(facts, one, number)) }
                }
                footer class="wide" {
                    p { "Written by pgkeep " (env!("CARGO_PKG_VERSION")) ". This page is one file; it loads nothing and runs no script." }
                }
            }
        }
    };
    page.into_string()
}

/// The answer in one sentence.
fn verdict(facts: &Facts, state: State) -> Markup {
    let word = match state {
        State::Ok => "All is in order",
        State::Warn => "Backups need attention",
        State::Fail => "Something has failed",
    };
    html! {
        div class={ "verdict " (words::class(state)) } {
            (words::sign(state))
            p {
                strong class=(words::class(state)) { (word) }
                @if facts.stanzas.is_empty() {
                    "No stanza was found: nothing is backed up, or the configuration of this user names no repository."
                } @else {
                    (sentence(facts))
                }
            }
        }
        @for why in &facts.unlisted { pre class="fail" { (why) } }
    }
}

fn sentence(facts: &Facts) -> String {
    let of = |state| {
        let names: Vec<String> = facts
            .stanzas
            .iter()
            .filter(|stanza| facts.state_of(stanza) == state)
            .map(|stanza| stanza.name.clone())
            .collect();
        (!names.is_empty()).then(|| format!("{}: {}", words::state(state), list(&names)))
    };
    let told: Vec<String> = [State::Fail, State::Warn, State::Ok]
        .into_iter()
        .filter_map(of)
        .collect();
    let all = count(facts.stanzas.len() as u64, "stanza");
    format!("{all}; {}.", told.join("; "))
}

/// Links within the page; not needed for one stanza.
fn contents(facts: &Facts) -> Markup {
    html! {
        @if facts.stanzas.len() > 1 {
            nav aria-label="Stanzas" {
                ul {
                    @for (number, stanza) in (1..).zip(&facts.stanzas) {
                        @let state = facts.state_of(stanza);
                        li { a href={ "#stanza" (number) } { (stanza.name) } " " (words::badge(state, words::state(state))) }
                    }
                }
            }
        }
    }
}
