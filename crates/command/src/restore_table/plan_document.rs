//! The plan for programs (`--dry-run --output=json`): one document, lists empty rather than absent, what does not apply `null`.

use serde_json::{Value, json};

use super::settings::{Connection, Goal, Settings, Wanted};
use crate::error::Error;
use crate::scratch::Plan;

/// `left`: a database that an interrupted run has left, and that is removed. `obstacles`: what would stop the restore.
pub(super) fn document(
    stanza: &str,
    settings: &Settings,
    (plan, left, obstacles): (&Plan, Option<&str>, &[Error]),
) -> Value {
    json!({
        "stanza": stanza,
        "set": plan.set(),
        "recovery": {"type": settings.scratch.kind, "target": settings.scratch.target},
        "reach": {
            "wal": plan.last_wal,
            "gap": plan.gap.as_ref().map(|(first, last)| json!({"start": first, "stop": last})),
            "unread": plan.unread,
        },
        "restore": wanted(settings),
        "to": to(settings, left),
        "scratch": {
            "path": settings.scratch.path,
            "need": plan.needed,
            "database-left-out-total": settings.scratch.left_out.len(),
        },
        "refused": obstacles
            .iter()
            .map(|error| json!({"code": error.code.number(), "message": error.message, "hint": error.hints}))
            .collect::<Vec<_>>(),
    })
}

fn wanted(settings: &Settings) -> Value {
    let (schemas, tables) = match &settings.wanted {
        Wanted::Tables(tables) => (&[][..], tables.as_slice()),
        Wanted::Schemas(schemas) => (schemas.as_slice(), &[][..]),
        Wanted::Database => (&[][..], &[][..]),
    };
    let tables = tables.iter();
    let tables = tables.map(|(schema, name)| json!({"schema": schema, "name": name}));
    json!({
        "database": settings.database,
        "schema": schemas,
        "table": tables.collect::<Vec<_>>(),
        "large-objects": settings.large_objects,
    })
}

fn to(settings: &Settings, left: Option<&str>) -> Value {
    let (mut path, mut cluster) = (None, None);
    match &settings.goal {
        Goal::Output => {}
        Goal::File(file) => path = Some(file),
        Goal::Cluster(connection) => cluster = Some(connection),
    }
    let format = if settings.custom { "custom" } else { "plain" };
    let place = cluster.map(Connection::place);
    json!({
        "kind": settings.goal.name(),
        "format": cluster.is_none().then_some(format),
        "path": path,
        "host": place.map(|(host, _)| host),
        "port": place.and_then(|(_, port)| port.parse::<u16>().ok()),
        "database": cluster.map(|connection| &connection.database),
        "schema": settings.to_schema,
        "table": settings.to_table,
        "clean": cluster.map(|connection| connection.clean),
        "removed-first": left,
    })
}
