//! Names as SQL writes them: `shop.public."Order"`.

use crate::error::{Error, ErrorCode, Result};

/// The parts of a name, as many as are wanted. What stands in no quotes is made lower case, as PostgreSQL does.
///
/// # Errors
/// [`ErrorCode::OptionInvalidValue`], with how it is written: `form`.
pub(super) fn parts<const N: usize>(option: &str, text: &str, form: &str) -> Result<[String; N]> {
    split(text)
        .and_then(|parts| parts.try_into().ok())
        .ok_or_else(|| {
            Error::new(
                ErrorCode::OptionInvalidValue,
                format!("'{text}' is not valid for '{option}' option"),
            )
            .with_hint(format!("write it like this: --{option}={form}"))
            .with_hint(
                "names with dots, capital letters or special characters stand in double quotes.",
            )
        })
}

fn split(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => between_quotes(quoted)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let (part, after) = rest.split_at(end);
                (part.to_lowercase(), after)
            }
        };
        // The server has none that is longer, and would cut it to another name.
        if part.is_empty() || part.len() > 63 || part.contains(['\0', '\n', '\r']) {
            return None;
        }
        let plain = !rest.starts_with('"');
        if plain && part.contains(['"', ' ']) {
            return None;
        }
        parts.push(part);
        if after.is_empty() {
            return Some(parts);
        }
        rest = after.strip_prefix('.')?;
    }
}

/// What stands before the quote that ends it, and what follows.
fn between_quotes(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        part.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                part.push('"');
                rest = after;
            }
            None => return Some((part, rest)),
        }
    }
}

/// A name for a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `"public"."Order"`
pub(super) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

/// A text for a statement, whatever the settings of the session.
pub(super) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match doubled.contains('\\') {
        true => format!("E'{}'", doubled.replace('\\', "\\\\")),
        false => format!("'{doubled}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_server_reads_them() {
        let read = |text: &str| parts::<3>("table", text, "DB.SCHEMA.TABLE").ok();
        let is = |text: &str, wanted: [&str; 3]| {
            assert_eq!(read(text), Some(wanted.map(str::to_owned)), "{text}");
        };
        is("shop.public.orders", ["shop", "public", "orders"]);
        is("Shop.public.Orders", ["shop", "public", "orders"]);
        is(
            r#""My.Shop".public."Or""der""#,
            ["My.Shop", "public", r#"Or"der"#],
        );
        is("shop.public.aufträge", ["shop", "public", "aufträge"]);
        for odd in [
            "",
            "orders",
            "public.orders",
            "a.b.c.d",
            "a..c",
            "a.b.",
            r#"a.b."c"#,
            r#"a.b."c"d"#,
            r#"a.b.c"d"#,
            "a.b.c d",
            "a.b.\"c\nd\"",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(read(&format!("a.b.{}", "x".repeat(64))), None);
    }

    #[test]
    fn nothing_in_a_name_ends_it_in_a_statement() {
        assert_eq!(qualified("a\"b", "c"), r#""a""b"."c""#);
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), r"E'a\\''b'");
    }
}
