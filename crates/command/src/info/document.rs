//! The JSON document of `info`.

use pgkeep_storage::protection::KeptUntil;

use super::details::{self, Place, Shown};
use super::json::Json;
use super::settings::Settings;
use crate::stanzas::{ArchiveReport, RepositoryReport, Running, StanzaReport, Status};

/// The array of all stanzas.
pub(super) fn stanzas(settings: &Settings, stanzas: &[StanzaReport]) -> Json {
    Json::List(stanzas.iter().map(|stanza| one(settings, stanza)).collect())
}

fn one(settings: &Settings, stanza: &StanzaReport) -> Json {
    let status = stanza.status(settings.full);
    let mut object = Json::object([
        ("name", Json::text(&stanza.name)),
        ("status", stanza_status(&status, stanza)),
    ]);
    if !settings.full {
        return object;
    }
    let repositories = &stanza.repositories;
    let mut archive = Vec::new();
    let mut db = Vec::new();
    for report in repositories {
        for item in &report.archives {
            db.push(Json::object([
                ("id", Json::Number(item.entry.id.into())),
                ("repo-key", Json::Number(report.key.into())),
                ("system-id", Json::Number(item.entry.system_id)),
                ("version", Json::text(&item.entry.version)),
            ]));
        }
        let shown = report.shown_archives();
        archive.extend(shown.map(|item| archive_object(report, item)));
    }
    let backups = details::backups(settings, stanza);
    object.put("archive", Json::List(archive));
    object.put(
        "backup",
        Json::List(
            backups
                .iter()
                .map(|shown| backup(settings, shown))
                .collect(),
        ),
    );
    object.put("cipher", Json::text(cipher(repositories)));
    object.put("db", Json::List(db));
    object.put(
        "repo",
        Json::List(repositories.iter().map(repository).collect()),
    );
    object
}

/// The cipher over all repositories.
pub(super) fn cipher(repositories: &[RepositoryReport]) -> &'static str {
    let mut ciphers = repositories.iter().map(|report| report.cipher);
    let first = ciphers.next().unwrap_or("none");
    if ciphers.all(|cipher| cipher == first) {
        first
    } else {
        "mixed"
    }
}

fn repository(report: &RepositoryReport) -> Json {
    Json::object([
        ("cipher", Json::text(report.cipher)),
        ("key", Json::Number(report.key.into())),
        (
            "status",
            Json::object([
                ("code", Json::Number(report.status.code())),
                ("message", Json::text(report.status.repository_message())),
            ]),
        ),
    ])
}

fn archive_object(report: &RepositoryReport, archive: &ArchiveReport) -> Json {
    Json::object([
        (
            "database",
            Json::object([
                ("id", Json::Number(archive.entry.id.into())),
                ("repo-key", Json::Number(report.key.into())),
            ]),
        ),
        ("id", Json::text(archive.id.to_string())),
        ("max", Json::text_or_null(archive.max.as_ref())),
        ("min", Json::text_or_null(archive.min.as_ref())),
    ])
}

fn stanza_status(status: &Status, stanza: &StanzaReport) -> Json {
    let mut each = Vec::new();
    for report in &stanza.repositories {
        let running = report.backup;
        if running.size > 0 {
            each.push(Json::object([
                ("key", Json::Number(report.key.into())),
                ("size", Json::Number(running.size)),
                ("size-cplt", Json::Number(running.size_complete)),
            ]));
        }
    }
    let mut backup = lock(&stanza.backup());
    if !each.is_empty() {
        backup.put("repo", Json::List(each));
    }
    Json::object([
        ("code", Json::Number(status.code())),
        (
            "lock",
            Json::object([("backup", backup), ("restore", lock(&stanza.restore))]),
        ),
        ("message", Json::text(status.message())),
    ])
}

fn lock(running: &Running) -> Json {
    let mut object = Json::object([("held", Json::Bool(running.held))]);
    if running.size > 0 {
        object.put("size", Json::Number(running.size));
        object.put("size-cplt", Json::Number(running.size_complete));
    }
    object
}

fn backup(settings: &Settings, shown: &Shown<'_>) -> Json {
    let entry = shown.entry;
    let number = Json::Number;
    let mut repository = Json::object([("delta", number(entry.repo_size_delta))]);
    match entry.repo_size_map {
        None => repository.put("size", number(entry.repo_size)),
        Some(map) => {
            repository.put("size-map", number(map.all));
            repository.put("delta-map", number(map.delta));
        }
    }
    let references = entry.references.as_ref();
    let mut object = Json::object([
        (
            "archive",
            Json::object([
                ("start", Json::text_or_null(entry.archive_start.as_ref())),
                ("stop", Json::text_or_null(entry.archive_stop.as_ref())),
            ]),
        ),
        (
            "backrest",
            Json::object([
                ("format", number(entry.format.into())),
                ("version", Json::text(&entry.version)),
            ]),
        ),
        (
            "database",
            Json::object([
                ("id", number(entry.pg_id.into())),
                ("repo-key", number(shown.repository.key.into())),
            ]),
        ),
        (
            "info",
            Json::object([
                ("delta", number(entry.size_delta)),
                ("repository", repository),
                ("size", number(entry.size)),
            ]),
        ),
        ("label", Json::text(entry.label.as_str())),
        (
            "prior",
            Json::text_or_null(entry.prior.as_ref().map(|label| label.as_str())),
        ),
        (
            "reference",
            references.map_or(Json::Null, |labels| {
                Json::List(
                    labels
                        .iter()
                        .map(|label| Json::text(label.as_str()))
                        .collect(),
                )
            }),
        ),
        (
            "timestamp",
            Json::object([
                ("start", number(entry.timestamp_start)),
                ("stop", number(entry.timestamp_stop)),
            ]),
        ),
        ("type", Json::text(entry.backup_type.name())),
    ]);
    if let Some(error) = entry.error {
        object.put("error", Json::Bool(error));
    }
    if let (Some(start), Some(stop)) = (&entry.lsn_start, &entry.lsn_stop) {
        object.put(
            "lsn",
            Json::object([("start", Json::text(start)), ("stop", Json::text(stop))]),
        );
    }
    if let Some(ours) = ours(shown) {
        object.put("pgkeep", ours);
    }
    if !entry.annotations.is_empty() {
        let pairs = entry
            .annotations
            .iter()
            .map(|(key, value)| (key.clone(), Json::Text(value.clone())))
            .collect();
        object.put("annotation", Json::Object(pairs));
    }
    if settings.set.is_some()
        && let Some(manifest) = &shown.repository.manifest
    {
        let database = |(name, oid): (Vec<u8>, u32)| {
            Json::object([("name", Json::Text(name)), ("oid", number(oid.into()))])
        };
        object.put(
            "database-ref",
            Json::List(
                details::databases(manifest)
                    .into_iter()
                    .map(database)
                    .collect(),
            ),
        );
        object.put("link", places(details::links(manifest)));
        object.put("tablespace", places(details::tablespaces(manifest)));
        let errors = details::errors(manifest);
        if !errors.is_empty() {
            object.put(
                "error-list",
                Json::List(errors.into_iter().map(Json::Text).collect()),
            );
            object.put("error", Json::Bool(true));
        }
    }
    object
}

/// What pgBackRest does not tell. All of it is below one key.
fn ours(shown: &Shown<'_>) -> Option<Json> {
    let label = &shown.entry.label;
    let (durability, locked) = (&shown.repository.durability, &shown.repository.locked);
    let mut ours = Json::object([]);
    if let Some(grade) = durability.get(label) {
        ours.put("durability", Json::text(grade.name()));
    }
    match locked.get(label) {
        None => {}
        Some(KeptUntil::Time(seconds)) => {
            let seconds = u64::try_from(*seconds).unwrap_or(0);
            ours.put("locked-until", Json::Number(seconds));
        }
        Some(KeptUntil::Hold) => ours.put("legal-hold", Json::Bool(true)),
    }
    (durability.contains_key(label) || locked.contains_key(label)).then_some(ours)
}

fn places(places: Vec<Place>) -> Json {
    if places.is_empty() {
        return Json::Null;
    }
    let one = |place: Place| {
        let mut object = Json::object([
            ("destination", Json::Text(place.destination)),
            ("name", Json::Text(place.name)),
        ]);
        if let Some(oid) = place.oid {
            object.put("oid", Json::Number(oid.into()));
        }
        object
    };
    Json::List(places.into_iter().map(one).collect())
}
