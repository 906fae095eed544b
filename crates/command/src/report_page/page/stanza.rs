//! One stanza: how it stands, its repositories, its drills.

use maud::{Markup, html};

use super::super::facts::{Drill, Facts, Repository, Stanza, State};
use super::{growth, sets, time_line, words};
use crate::report::time_text::{elapsed_text, time_text};

/// `number` makes the ids of the page.
pub(super) fn section(facts: &Facts, stanza: &Stanza, number: usize) -> Markup {
    let id = format!("stanza{number}");
    let state = facts.state_of(stanza);
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { "Stanza " (stanza.name) " " (words::badge(state, words::state(state))) }
            @if stanza.error.is_none() && stanza.status != "ok" { p class=(words::class(stanza.state)) { (stanza.status) } }
            @if let Some(error) = &stanza.error { (trouble(error)) }
            (tiles(facts, stanza))
            @for repository in &stanza.repositories {
                (repository_card(facts, repository, &format!("{id}-repo{}", repository.key)))
            }
            (drills(facts, stanza, &id))
        }
    }
}

fn trouble(error: &str) -> Markup {
    html! { div class="card finding fail" { p { "It could not be read:" } pre { (error) } } }
}

/// What is asked first.
fn tiles(facts: &Facts, stanza: &Stanza) -> Markup {
    let sets = stanza.repositories.iter().flat_map(|one| &one.sets);
    let last = sets.max_by_key(|set| set.stop);
    html! {
        dl class="tiles" {
            div {
                dt { "Newest moment that can be restored" }
                @match stanza.newest() {
                    Some(span) => {
                        dd class="big" { (words::ago(facts, span.to)) }
                        dd class="soft small" { (words::time_element(facts, span.to)) }
                    }
                    None => { dd class="big fail" { "none" } }
                }
            }
            div {
                dt { "Last backup" }
                @match last {
                    Some(set) => {
                        dd class="big" { (words::ago(facts, set.stop)) }
                        dd class="soft small" { (set.kind.name()) ", " (words::time_element(facts, set.stop)) }
                    }
                    None => { dd class="big fail" { "none" } }
                }
                @if let Some(running) = &stanza.running { dd class="small" { "running: " (running) } }
            }
            div {
                dt { "Last drill on this host" }
                @match stanza.drills.last() {
                    Some(drill) => {
                        dd class={ "big " (if drill.passed { "ok" } else { "fail" }) } { @if drill.passed { "passed" } @else { "failed" } }
                        dd class="soft small" {
                            (words::ago(facts, drill.at))
                            @if let Some(total) = total(drill) { ", recovery took " (elapsed_text(total)) }
                        }
                    }
                    None if stanza.drills_error.is_some() || stanza.error.is_some() => { dd class="big warn" { "not known" } }
                    None => {
                        dd class="big" { "never" }
                        dd class="soft small" { "A drill restores a backup and proves it." }
                    }
                }
            }
            @if let Some(version) = &stanza.version {
                div {
                    dt { "PostgreSQL" }
                    dd class="big" { (version) }
                    dd class="soft small" { (stanza.repositories.len()) @if stanza.repositories.len() == 1 { " repository" } @else { " repositories" } }
                }
            }
        }
    }
}

fn total(drill: &Drill) -> Option<i64> {
    Some(drill.restore_ms?.saturating_add(drill.replay_ms?))
}

fn repository_card(facts: &Facts, repository: &Repository, id: &str) -> Markup {
    let is_ok = repository.status == "ok";
    let words = match repository.state {
        State::Fail if !is_ok => "failed",
        other => words::state(other),
    };
    html! {
        article class="card" aria-labelledby=(id) {
            h3 id=(id) { "repo" (repository.key) " " (words::badge(repository.state, words)) }
            p class="soft" {
                (repository.place)
                @match repository.cipher.as_deref() {
                    Some("none") => ", not encrypted",
                    Some(cipher) => { ", encrypted with " (cipher) }
                    None => {}
                }
            }
            @if !is_ok { pre class="fail" { (repository.status) } }
            @if !repository.sets.is_empty() {
                (time_line::figure(facts, repository, id))
                (growth::charts(facts, repository, id))
                (sets::table(facts, repository))
                (sets::retention(repository))
            }
            @if is_ok || !repository.wal.is_empty() {
                h4 { "WAL and verification" }
                @for wal in &repository.wal { p { "WAL of " code { (wal) } } }
                @match repository.verify {
                    Some(verify) => p {
                        "Last read as a whole on this host " (words::ago(facts, verify.at)) ": "
                        @if verify.code == 0 { span class="ok" { "all in order" } } @else { span class="fail" { "damage was found (exit code " (verify.code) ")" } }
                    },
                    None => p class="soft" { "No verify of the whole repository is known on this host." },
                }
            }
        }
    }
}

fn drills(facts: &Facts, stanza: &Stanza, id: &str) -> Markup {
    if let Some(error) = &stanza.drills_error {
        return html! {
            article class="card" aria-labelledby={ (id) "-drills" } {
                h3 id={ (id) "-drills" } { "Drills on this host" }
                p class="warn" { "Their history could not be read:" }
                pre { (error) }
            }
        };
    }
    if stanza.drills.is_empty() {
        return html! {};
    }
    let time = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), elapsed_text);
    html! {
        article class="card" aria-labelledby={ (id) "-drills" } {
            h3 id={ (id) "-drills" } { "Drills on this host" }
            table role="table" {
                caption { "Newest first" }
                thead role="rowgroup" {
                    tr role="row" {
                        @for name in ["Drill", "Result", "Backup", "Restore", "Replay", "Data was old by"] {
                            th role="columnheader" scope="col" { (name) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for drill in stanza.drills.iter().rev() {
                        tr role="row" {
                            th role="rowheader" scope="row" { span class="label" { (words::time_element(facts, drill.at)) } }
                            td role="cell" data-name="Result" {
                                div {
                                    @if drill.passed { (words::badge(State::Ok, "passed")) }
                                    @else { (words::badge(State::Fail, "failed")) " " (drill.result) }
                                }
                            }
                            td role="cell" data-name="Backup" { (drill.label) }
                            td role="cell" data-name="Restore" { (time(drill.restore_ms)) }
                            td role="cell" data-name="Replay" { (time(drill.replay_ms)) }
                            td role="cell" data-name="Data was old by" { (drill.age.and_then(|age| u64::try_from(age).ok()).map_or_else(|| "-".to_owned(), time_text)) }
                        }
                    }
                }
            }
        }
    }
}
