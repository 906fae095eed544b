//! How PostgreSQL reads a value back: in a settings file, and in a command that it expands before a shell sees it.
//!
//! The words of the shell are the configuration's business. Invariant: what PostgreSQL makes of the text is the value.

/// A value between single quotes, as lines of `postgresql.conf`, `postgresql.auto.conf` and `recovery.conf` want it; without the
/// quotes themselves. A line feed has no form that survives the server's own rewriting of the file: see [`has_line_break`].
#[must_use]
pub fn setting_text(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for char in value.chars() {
        // Within quotes a backslash begins an escape.
        if matches!(char, '\'' | '\\') {
            text.push(char);
        }
        text.push(char);
    }
    text
}

/// A part of a command in which PostgreSQL replaces `%p` and the like: a `%` of its own is doubled.
#[must_use]
pub fn command_text(part: &str) -> String {
    part.replace('%', "%%")
}

/// Whether a value cannot be written: `ALTER SYSTEM` reads `\n` and writes a line break, after which the server no longer starts.
#[must_use]
pub fn has_line_break(value: &str) -> bool {
    value.contains('\n')
}
