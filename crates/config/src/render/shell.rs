//! A value as one word of a shell command: in `restore_command`, and in commands that messages propose.
//!
//! Invariant: any POSIX shell reads the word back as the value, byte for byte. The form is pgBackRest's where that one is right: plain
//! values stay bare, and what has blanks stands in double quotes.

/// One word for `sh`.
#[must_use]
pub fn shell_word(value: &str) -> String {
    if !value.is_empty() && value.bytes().all(is_plain) {
        return value.to_owned();
    }
    let mut word = String::with_capacity(value.len() + 2);
    word.push('"');
    for char in value.chars() {
        match char {
            '"' | '\\' | '$' | '`' => word.extend(['\\', char]),
            // For a shell at a terminal it would call up an old command, also in double quotes.
            '!' => word.push_str("\"'!'\""),
            _ => word.push(char),
        }
    }
    word.push('"');
    word
}

/// Means nothing to any shell. Bytes beyond ASCII are no letters here: in some locales one of them is a blank.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(&byte)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)] // a shell is asked what it makes of a word

    use super::*;

    #[test]
    fn plain_values_stay_bare_and_blanks_are_quoted_as_pgbackrest_does() {
        for (value, word) in [
            ("/var/lib/postgresql/17/main", "/var/lib/postgresql/17/main"),
            ("50%", "50%"),
            ("/p g", "\"/p g\""),
            ("", "\"\""),
            ("it's", "\"it's\""),
            ("a$b`c\"d\\e", "\"a\\$b\\`c\\\"d\\\\e\""),
            ("hey!", "\"hey\"'!'\"\""),
            ("~", "\"~\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(shell_word(value), word);
        }
    }

    #[test]
    fn a_shell_reads_every_word_back_as_the_value() {
        let mut values: Vec<String> = (1..=126u8)
            .map(|byte| format!("a{}b", char::from(byte)))
            .collect();
        values.extend((1..=126u8).map(|byte| char::from(byte).to_string()));
        values.extend(
            [
                "",
                "\\\\",
                "$(id)",
                "`id`",
                "${HOME}",
                "a  b",
                "\u{a0}ü€😀",
                "!!",
                "\"'\"'",
            ]
            .map(str::to_owned),
        );
        // All in one line, each with an end that is not a line feed.
        let words: Vec<String> = values.iter().map(|value| shell_word(value)).collect();
        let script = format!("printf '%s\\1\\2' {}", words.join(" "));
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .expect("every machine has a shell");
        let read = String::from_utf8(output.stdout).expect("values are UTF-8");
        let read: Vec<&str> = read
            .strip_suffix("\u{1}\u{2}")
            .expect("an end")
            .split("\u{1}\u{2}")
            .collect();
        assert_eq!(read, values, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
