//! What an `archive_command` says. It is never shown: people put passwords into it.

/// What stands behind `--stanza`, as the shell reads it and as the server has replaced its `%`.
#[must_use]
pub fn named_stanza(command: &str) -> Option<String> {
    let (before, rest) = command.split_once("--stanza")?;
    let rest = rest.trim_start_matches([' ', '=']);
    // The quotes may be around option and name.
    let mut quoted = before
        .chars()
        .last()
        .filter(|char| matches!(char, '"' | '\''));
    let mut name = String::new();
    let mut chars = rest.chars();
    while let Some(char) = chars.next() {
        match (char, quoted) {
            (quote @ ('"' | '\''), None) => quoted = Some(quote),
            (quote, Some(opened)) if quote == opened => quoted = None,
            ('\\', None | Some('"')) => name.extend(chars.next()),
            (' ', None) => break,
            _ => name.push(char),
        }
    }
    Some(name.replace("%%", "%")).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stanza_is_found_however_it_is_written() {
        for command in [
            "pgbackrest --stanza=main archive-push %p",
            "pgbackrest --stanza main archive-push %p",
            "pgbackrest archive-push \"%p\" --stanza='main'",
        ] {
            assert_eq!(named_stanza(command).as_deref(), Some("main"), "{command}");
        }
        for (command, name) in [
            (
                r#"pgbackrest "--stanza=it's \$1" archive-push %p"#,
                "it's $1",
            ),
            (
                r#"pgbackrest --stanza="it's \$1 50%%" archive-push %p"#,
                "it's $1 50%",
            ),
            (r"pgbackrest --stanza='it'\''s' archive-push %p", "it's"),
            (r"pgbackrest '--stanza=main' archive-push %p", "main"),
        ] {
            assert_eq!(named_stanza(command).as_deref(), Some(name), "{command}");
        }
        assert_eq!(named_stanza("pgbackrest archive-push %p"), None);
        assert_eq!(named_stanza("pgbackrest --stanza="), None);
    }
}
