//! The tokens of a source file. Comments and literals are dropped.

/// A word, `::`, or one other character, and the line on which it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Splits the text. A literal becomes nothing.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => find(&chars, at, '\n'),
            '/' if chars.get(at + 1) == Some(&'*') => after_block_comment(&chars, at),
            '"' => after_string(&chars, at),
            '\'' => after_quote(&chars, at),
            first if first.is_alphanumeric() || first == '_' => {
                let end = (at..chars.len())
                    .find(|at| !chars[*at].is_alphanumeric() && chars[*at] != '_')
                    .unwrap_or(chars.len());
                let word: String = chars[at..end].iter().collect();
                match raw_string_end(&chars, end, &word) {
                    Some(end) => end,
                    None => {
                        found.push(Token { text: word, line });
                        end
                    }
                }
            }
            ':' if chars.get(at + 1) == Some(&':') => {
                found.push(Token {
                    text: "::".to_owned(),
                    line,
                });
                at + 2
            }
            other => {
                if !other.is_whitespace() {
                    found.push(Token {
                        text: other.to_string(),
                        line,
                    });
                }
                at + 1
            }
        };
        line += chars[at..end]
            .iter()
            .filter(|found| **found == '\n')
            .count();
        at = end;
    }
    found
}

fn find(chars: &[char], from: usize, wanted: char) -> usize {
    (from..chars.len())
        .find(|at| chars[*at] == wanted)
        .unwrap_or(chars.len())
}

/// Block comments nest.
fn after_block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn after_string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Behind a character or a lifetime.
fn after_quote(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        return (find(chars, at + 3, '\'') + 1).min(chars.len());
    }
    if chars.get(at + 2) == Some(&'\'') {
        return at + 3;
    }
    (at + 1..chars.len())
        .find(|at| !chars[*at].is_alphanumeric() && chars[*at] != '_')
        .unwrap_or(chars.len())
}

/// The end of the raw string that starts with this word, if one does.
fn raw_string_end(chars: &[char], at: usize, word: &str) -> Option<usize> {
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let hashes = chars[at..].iter().take_while(|next| **next == '#').count();
    if chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    let mut end = at + hashes + 1;
    while end < chars.len() {
        end = find(chars, end, '"') + 1;
        if chars[end.min(chars.len())..]
            .iter()
            .take(hashes)
            .filter(|next| **next == '#')
            .count()
            == hashes
        {
            break;
        }
    }
    Some((end + hashes).min(chars.len()))
}
