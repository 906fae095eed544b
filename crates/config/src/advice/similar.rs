//! Which of several names was probably meant by one that does not exist.

/// The name closest to `said`, if one is close enough to be worth proposing; of equals the first.
pub(crate) fn closest<'a>(said: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let said = said.to_lowercase();
    names
        .into_iter()
        .filter_map(|name| Some((distance(&said, name)?, name)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How far apart both are; nothing if they have little in common.
fn distance(said: &str, name: &str) -> Option<usize> {
    // More letters may be wrong in longer names; in one of two letters none.
    let most = match said.len().max(name.len()) {
        0..=2 => 0,
        3..=4 => 1,
        longer => (longer / 3).min(3),
    };
    let typed = strsim::osa_distance(said, name);
    // `create-stanza`
    let turned = strsim::osa_distance(&in_order(said), &in_order(name)) + 1;
    let spelled = Some(typed.min(turned)).filter(|distance| *distance <= most);
    // `incremental` for `incr`, `repository` for `repo`
    let prefix =
        said.len().min(name.len()) >= 2 && (said.starts_with(name) || name.starts_with(said));
    match (spelled, prefix) {
        (Some(distance), true) => Some(distance.min(2)),
        (None, true) => Some(2),
        (distance, false) => distance,
    }
}

/// The parts between dashes in alphabetical order.
fn in_order(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('-').collect();
    parts.sort_unstable();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_longer_forms_and_turned_parts_are_recognized_and_nothing_else() {
        let names = [
            "archive-push",
            "backup",
            "diff",
            "full",
            "gz",
            "incr",
            "repo-ls",
            "stanza-create",
        ];
        for (said, meant) in [
            ("bakup", Some("backup")),
            ("bakcup", Some("backup")),
            ("BACKUPS", Some("backup")),
            ("stanzacreate", Some("stanza-create")),
            ("create-stanza", Some("stanza-create")),
            ("archivepush", Some("archive-push")),
            ("ful", Some("full")),
            ("incremental", Some("incr")),
            ("differential", Some("diff")),
            ("gzip", Some("gz")),
            ("gx", None),
            ("dump", None),
            ("list", None),
            ("", None),
        ] {
            assert_eq!(closest(said, names), meant, "{said}");
        }
    }
}
