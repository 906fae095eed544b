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

/// Whether it starts the program under pgBackRest's name, by which it knows pgBackRest's options alone.
#[must_use]
pub fn calls_pgbackrest(command: &str) -> bool {
    command
        .split([' ', '\t', ';', '&', '|', '(', ')', '"', '\''])
        .filter(|word| !word.starts_with('-') && !word.contains('='))
        .any(|word| word.rsplit('/').next() == Some("pgbackrest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_program_is_a_word_of_its_own() {
        for command in [
            "pgbackrest --stanza=main archive-push %p",
            "/usr/bin/pgbackrest --stanza=main archive-push %p",
            "X=1 '/opt/my bin/pgbackrest' --stanza=main archive-push %p",
            "test ! -f /stop && pgbackrest --stanza=main archive-push %p",
        ] {
            assert!(calls_pgbackrest(command), "{command}");
        }
        for command in [
            "pgkeep --stanza=main archive-push %p",
            "pgkeep --config=/etc/pgbackrest --stanza=main archive-push %p",
            "/usr/local/bin/pgkeep --config /etc/pgbackrest/pgbackrest.conf archive-push %p",
        ] {
            assert!(!calls_pgbackrest(command), "{command}");
        }
    }

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
