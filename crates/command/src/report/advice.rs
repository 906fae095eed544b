//! Commands that findings and hints propose. They are pasted into a shell or into psql, so every name in them is quoted for it.

use pgkeep_config::shell_word;
use pgkeep_postgres::recovery::quote;

/// A command of ours for a stanza.
#[must_use]
pub fn pgkeep(stanza: &str, rest: &str) -> String {
    format!("pgkeep --stanza={} {rest}", shell_word(stanza))
}

/// The statement that sets `archive_command` to the program under one of its names: within a string of SQL, with `%` doubled for the server, words of a shell.
#[must_use]
pub fn set_archive_command(program: &str, stanza: &str) -> String {
    let stanza = quote::command_text(&shell_word(stanza)).replace('\'', "''");
    format!(
        "alter system set archive_command = '{program} --stanza={stanza} archive-push %p'; select pg_reload_conf();"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_of_any_name_is_one_word() {
        assert_eq!(pgkeep("main", "check"), "pgkeep --stanza=main check");
        assert_eq!(
            pgkeep("it's $1", "check"),
            "pgkeep --stanza=\"it's \\$1\" check"
        );
        assert_eq!(
            set_archive_command("pgbackrest", "it's 50%"),
            "alter system set archive_command = 'pgbackrest --stanza=\"it''s 50%%\" archive-push %p'; select pg_reload_conf();"
        );
    }
}
