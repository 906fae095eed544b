//! The table of sets, and what retention does with them.

use maud::{Markup, html};

use super::super::facts::{Facts, Fate, Repository, Set, State};
use super::words;
use crate::report::size_text::size_text;
use crate::report::time_text::time_text;

/// More than these are folded.
const SHOWN: usize = 8;

/// Newest first.
pub(super) fn table(facts: &Facts, repository: &Repository) -> Markup {
    let sets: Vec<&Set> = repository.sets.iter().rev().collect();
    let (newest, older) = sets.split_at(sets.len().min(SHOWN));
    html! {
        h4 { "Backup sets" }
        (rows(facts, newest, "Newest first"))
        @if !older.is_empty() {
            details {
                summary { (older.len()) " older" }
                (rows(facts, older, "Older sets, newest first"))
            }
        }
    }
}

/// Where there is no room it is broken between the label of the full backup and its own.
fn label(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split_inclusive('_').enumerate() {
            @if number > 0 { wbr; }
            span { (part) }
        }
    }
}

fn rows(facts: &Facts, sets: &[&Set], caption: &str) -> Markup {
    // Explicit, because on a narrow screen rows are no longer laid out as a table.
    let head = [
        "Set",
        "Ended",
        "Took",
        "Cluster",
        "Added",
        "Restores",
        "Retention",
    ];
    html! {
        table role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for (at, name) in head.iter().enumerate() {
                        th role="columnheader" scope="col" class=[(2..5).contains(&at).then_some("number")] { (name) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for set in sets {
                    tr role="row" {
                        th role="rowheader" scope="row" {
                            span class="label" { (label(&set.label)) } " "
                            span class="badge none" { (set.kind.name()) }
                            @for note in &set.notes { div class="small soft" { (note) } }
                        }
                        td role="cell" data-name="Ended" { (words::time_element(facts, set.stop)) }
                        td role="cell" data-name="Took" class="number" { (time_text(u64::try_from(set.stop.saturating_sub(set.start)).unwrap_or(0))) }
                        td role="cell" data-name="Cluster" class="number" { (size_text(set.size)) }
                        td role="cell" data-name="Added" class="number" { (size_text(set.stored)) }
                        td role="cell" data-name="Restores" { span class=[(set.state == State::Fail).then_some("fail")] { (set.restorable) } }
                        td role="cell" data-name="Retention" { (fate(&set.fate)) }
                    }
                }
            }
        }
    }
}

fn fate(fate: &Fate) -> Markup {
    html! {
        @match fate {
            Fate::Unknown => { span class="soft" { "not known" } }
            Fate::Stays(why) => { span { "stays: " (why) } }
            Fate::Goes(when, _) => { span { "goes " (when) } }
        }
    }
}

/// The options that decide, and what goes next.
pub(super) fn retention(repository: &Repository) -> Markup {
    let retention = &repository.retention;
    let mut next: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    for set in &repository.sets {
        let Fate::Goes(when, why) = &set.fate else {
            continue;
        };
        let one = (set.label.as_str(), why.as_str());
        match next.iter_mut().find(|(other, _)| other == when) {
            Some((_, all)) => all.push(one),
            None => next.push((when, vec![one])),
        }
    }
    html! {
        h4 { "Retention" }
        @if let Some(error) = &retention.error {
            p class="warn" { "What retention does is not known: " (error) }
        } @else if retention.rules.is_empty() {
            p class="warn" { "No retention is set: nothing goes, and the repository grows until it is full." }
        } @else {
            p {
                @for (at, rule) in retention.rules.iter().enumerate() { @if at > 0 { ", " } code { (rule) } }
            }
            @if next.is_empty() { p class="soft" { "Nothing goes next." } }
        }
        @for (when, sets) in &next {
            p { "Goes " (when) ":" }
            ul class="dense" {
                @for (label, why) in sets { li { span class="label" { (label) } " " span class="soft" { (why) } } }
            }
        }
    }
}
