//! A moment chosen at random between the end of the oldest backup and that of the newest.

use pgkeep_postgres::Lsn;
use serde_json::Value;

use super::process;
use super::restored::{error_of, list};
use super::scratch::{Scratch, random};
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Sets the target.
///
/// # Errors
/// There is no backup.
pub(super) fn choose(context: &Context, scratch: &Scratch, settings: &mut Settings) -> Result<()> {
    let mut command = process::command(scratch, &context.program_path);
    command.args(&settings.info).args([
        "--output=json",
        "--log-level-console=off",
        "--log-level-stderr=error",
        "--log-level-file=off",
        "info",
    ]);
    let ended = process::run(context, scratch, "info", &mut command)?;
    if !ended.status.success() {
        return Err(error_of(&ended, "info"));
    }
    let ends = serde_json::from_str(ended.stdout.trim())
        .map(|info| ends(&info))
        .unwrap_or_default();
    let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else {
        return Err(Error::new(
            ErrorCode::BackupSetInvalid,
            "there is no backup to choose a moment of",
        )
        .with_hint("make a backup first."));
    };
    let chosen = Lsn(first.0 + random()? % (last.0 - first.0 + 1));
    let target = chosen.to_string();
    log::info!("chose to recover to {target}, between {first} and {last}");
    settings.restore.push("--type=lsn".to_owned());
    settings.restore.push(format!("--target={target}"));
    "lsn".clone_into(&mut settings.kind);
    settings.target = Some(target);
    Ok(())
}

/// Where the online backups of the newest cluster ended.
fn ends(info: &Value) -> Vec<Lsn> {
    let backups: Vec<&Value> = list(info)
        .iter()
        .flat_map(|stanza| list(&stanza["backup"]))
        .collect();
    let newest = backups
        .iter()
        .filter_map(|backup| backup["database"]["id"].as_u64())
        .max();
    backups
        .iter()
        .filter(|backup| backup["database"]["id"].as_u64() == newest)
        .filter_map(|backup| backup["lsn"]["stop"].as_str()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_backups_of_the_newest_cluster_count() {
        let backup = |id: u64, stop: &str| serde_json::json!({"database": {"id": id}, "lsn": {"stop": stop}});
        let info =
            serde_json::json!([{"backup": [backup(1, "9/0"), backup(2, "0/5"), backup(2, "0/7")]}]);
        assert_eq!(ends(&info), [Lsn(5), Lsn(7)]);
    }
}
