//! The other databases of the backup, whose files need not be restored.

use serde_json::Value;

use super::settings::Settings;
use crate::error::Result;
use crate::run::Context;
use crate::scratch::restored::list;
use crate::scratch::{Plan, Scratch, info};

/// Users' databases have numbers from here on; the server needs the others.
const FIRST_USER: u64 = 16384;
/// The system's databases may have been made anew.
const SYSTEM: [&str; 3] = ["postgres", "template0", "template1"];

/// The oldest version that can be told to replay WAL of databases whose files have no content.
const LEAVES_OUT: u32 = 13;

/// Numbers of the databases that are not needed; none if it is not known which one is wanted.
///
/// # Errors
/// What `info` says of the backup cannot be read.
pub(super) fn find(
    context: &Context,
    scratch: &Scratch,
    settings: &Settings,
    plan: &Plan,
) -> Result<Vec<u64>> {
    if plan.major < LEAVES_OUT {
        return Ok(Vec::new());
    }
    let mut more = vec![format!("--set={}", plan.label)];
    if !settings.scratch.names_repository() {
        more.push(format!("--repo={}", plan.repo_key));
    }
    let info = info(context, scratch, &settings.scratch, &more)?;
    Ok(besides(&databases(&info, &plan.label), &settings.database))
}

/// Names and numbers of the databases in the backup.
fn databases(info: &Value, label: &str) -> Vec<(String, u64)> {
    let backups = list(info).iter().flat_map(|stanza| list(&stanza["backup"]));
    backups
        .filter(|backup| backup["label"].as_str() == Some(label))
        .flat_map(|backup| list(&backup["database-ref"]))
        .filter_map(|found| Some((found["name"].as_str()?.to_owned(), found["oid"].as_u64()?)))
        .collect()
}

fn besides(all: &[(String, u64)], wanted: &str) -> Vec<u64> {
    let known = all.iter().any(|(name, _)| name == wanted) || SYSTEM.contains(&wanted);
    if !known {
        // It was made or got its name after the backup, and may be any of them.
        log::info!("database '{wanted}' is not in the backup, so all databases are restored");
        return Vec::new();
    }
    all.iter()
        .filter(|(name, oid)| {
            name != wanted && *oid >= FIRST_USER && !SYSTEM.contains(&name.as_str())
        })
        .map(|(_, oid)| *oid)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_wanted_database_and_those_of_the_system_are_left_out() {
        let info = serde_json::json!([{"backup": [
            {"label": "a", "database-ref": [{"name": "shop", "oid": 16384}]},
            {"label": "b", "database-ref": [
                {"name": "postgres", "oid": 20000}, {"name": "shop", "oid": 16384},
                {"name": "big", "oid": 16400}, {"name": "template1", "oid": 1},
            ]},
        ]}]);
        let found = databases(&info, "b");
        assert_eq!(besides(&found, "shop"), [16400]);
        assert_eq!(besides(&found, "postgres"), [16384, 16400]);
        assert_eq!(besides(&found, "new"), [0; 0]);
        assert_eq!(besides(&databases(&info, "c"), "postgres"), [0; 0]);
    }
}
