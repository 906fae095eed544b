//! `doctor`: looks at everything that could hinder a backup, archiving or a restore, and says what mends it.
//!
//! A cluster that is down or a repository out of reach is a finding; the rest is still looked at. Repositories are
//! looked at side by side, because one that is dead keeps its caller waiting. Changes nothing but a file or two of its own
//! in each repository, which are removed at once.

mod archiving;
mod backups;
mod bucket;
mod check;
mod cluster;
mod configuration;
mod hooks;
mod host;
mod json;
mod keys;
mod lock_words;
mod mount;
mod mount_table;
mod past_use;
mod permissions;
mod programs;
mod removal;
mod repository;
mod rights;
mod roles;
mod settings;
mod space;
mod stanza_section;
mod stored;
mod text;
mod wal;

use pgkeep_repo::Stanza;

use crate::error::Result;
use crate::hosts::storages::Storages;
use crate::jobs::{AT_ONCE, side_by_side};
use crate::report::finding::Subject;
use crate::report::findings::Findings;
use crate::run::{Context, begin};
use check::STANZA_SECTION;
use cluster::Facts;
use repository::Place;
use settings::{RepoSettings, Settings};

/// Looks at everything and prints what was found; the value is the exit status.
///
/// # Errors
/// Only that the run was stopped, or that nothing can be printed.
pub fn run(context: &Context) -> Result<u8> {
    let settings = Settings::from(context);
    let findings = look(context, &settings)?;
    context.output.text(&if settings.json {
        json::render(&findings)
    } else {
        text::render(&findings, settings.verbose)
    })?;
    Ok(findings.exit_status())
}

/// What is found, the worst first, for another command; its context has the configuration of `doctor`.
///
/// # Errors
/// Only that the run was stopped.
pub(crate) fn findings(context: &Context) -> Result<Findings> {
    look(context, &Settings::from(context))
}

fn look(context: &Context, settings: &Settings) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut places = Vec::new();
    if context.config.stanza().is_some() {
        examine(context, settings, &mut places, &mut findings)?;
    } else {
        examine_all(context, settings, &mut places, &mut findings)?;
    }
    findings.sort();
    Ok(findings)
}

fn examine_all(
    context: &Context,
    settings: &Settings,
    places: &mut Vec<Place>,
    findings: &mut Findings,
) -> Result<()> {
    let stanzas = context.config.stanzas();
    if stanzas.is_empty() {
        findings.add(vec![stanza_section::none(context)]);
        return examine(context, settings, places, findings);
    }
    for name in stanzas {
        match context.config.for_stanza(&name) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    log::warn!("{warning}");
                }
                let context = context.with_config(loaded.config);
                examine(&context, &Settings::from(&context), places, findings)?;
            }
            Err(error) => {
                let mend = format!("correct the section [{name}] of the configuration file");
                let seen = begin::lower(&error).text();
                findings.add(vec![Subject::stanza(&name).fail(
                    &STANZA_SECTION,
                    seen,
                    mend,
                )]);
            }
        }
    }
    Ok(())
}

/// Looks at one stanza, or without one at host and repositories alone. `places`: repositories that were looked at already.
fn examine(
    context: &Context,
    settings: &Settings,
    places: &mut Vec<Place>,
    findings: &mut Findings,
) -> Result<()> {
    let stanza = context.config.stanza().map(Stanza::new).transpose()?;
    findings.add(host::examine(context, settings)?);
    findings.add(hooks::examine(context));
    let known = context.config.knows_stanza();
    if !known {
        findings.add(vec![stanza_section::unknown(context)]);
    }
    for repository in &settings.repositories {
        findings.add(configuration::examine(repository));
    }
    let stanza = stanza.filter(|_| known);
    // Before the repositories: what is archived meanwhile is then in them, and what was archived tells that they were in use.
    let (found, facts) = match &stanza {
        Some(stanza) => cluster::examine(context, settings, stanza)?,
        None => (Vec::new(), Facts::default()),
    };
    let used = past_use::sign(context, settings, &facts);
    examine_places(context, settings, (places, used.as_deref()), findings)?;
    findings.add(found);
    findings.add(programs::examine(context));
    let Some(stanza) = stanza else {
        return Ok(());
    };
    let stored = side_by_side(&settings.repositories, AT_ONCE, |repository| {
        let place = places
            .iter()
            .find(|place| place.settings.same_place(repository))?;
        let of = stored::Of {
            stanza: &stanza,
            facts: &facts,
            used: used.as_deref(),
        };
        stored::examine(context, settings, repository, place, &of)
    });
    stored
        .into_iter()
        .flatten()
        .for_each(|found| findings.add(found));
    context.cancel.check()
}

/// `places`: with a sign that they were in use before.
fn examine_places(
    context: &Context,
    settings: &Settings,
    (places, used): (&mut Vec<Place>, Option<&str>),
    findings: &mut Findings,
) -> Result<()> {
    let new: Vec<RepoSettings> = settings
        .repositories
        .iter()
        .filter(|one| !places.iter().any(|place| place.settings.same_place(one)))
        .cloned()
        .collect();
    // Another stanza may have another place under the same key: open storages are not shared.
    let context = Context {
        storages: Storages::default(),
        ..context.clone()
    };
    for (place, found) in side_by_side(&new, AT_ONCE, |one| {
        repository::examine(&context, one, used)
    }) {
        places.push(place);
        findings.add(found);
    }
    context.cancel.check()
}
