//! XML of answers as a small tree, and the little XML that requests have.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element with its text and what is inside it. Names are without a name space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// Names and values, as they stand there.
    attributes: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

/// Elements inside one another; answers have five.
const DEEPEST: usize = 32;

impl Element {
    /// Reads a document; the error says where it is none.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        // Azure begins its answers with it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        loop {
            let event = reader
                .read_event()
                .map_err(|error| format!("at byte {}: {error}", reader.error_position()))?;
            let closed = match event {
                Event::Start(start) => {
                    if open.len() == DEEPEST {
                        return Err("too many elements inside one another".to_owned());
                    }
                    open.push(Self::begun(&start)?);
                    continue;
                }
                Event::Empty(start) => Self::begun(&start)?,
                Event::End(_) => open.pop().ok_or("an element ends that did not begin")?,
                Event::Text(text) => {
                    if let Some(inner) = open.last_mut() {
                        inner.text.push_str(&text.xml10_content());
                    }
                    continue;
                }
                Event::CData(text) => {
                    if let Some(inner) = open.last_mut() {
                        inner.text.push_str(&text.xml10_content());
                    }
                    continue;
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character,
                        Ok(None) => named_character(&reference)
                            .ok_or_else(|| format!("unknown entity '{}'", &*reference))?,
                        Err(error) => return Err(error.to_string()),
                    };
                    if let Some(inner) = open.last_mut() {
                        inner.text.push(character);
                    }
                    continue;
                }
                Event::Eof => return Err("the document ends too early".to_owned()),
                _ => continue,
            };
            match open.last_mut() {
                Some(parent) => parent.children.push(closed),
                None => return Ok(closed),
            }
        }
    }

    fn begun(start: &BytesStart) -> Result<Self, String> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = attribute.key.local_name().as_ref().to_owned();
            attributes.push((name, attribute.value.into_owned()));
        }
        Ok(Self {
            name: start.local_name().as_ref().to_owned(),
            attributes,
            ..Self::default()
        })
    }

    /// Whether an attribute has that value.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        let mut attributes = self.attributes.iter();
        attributes.any(|(own, has)| own == name && has == value)
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Text of the first child of that name, or nothing.
    pub(crate) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }

    /// Children of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

fn named_character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Text with what XML needs escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML has no place for most control characters, and would change a carriage return.
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(character))),
            _ => out.push(character),
        }
    }
    out
}

/// Whether the text can be in XML at all.
pub(crate) fn can_be_in_xml(text: &str) -> bool {
    text.chars().all(|character| {
        matches!(character, '\t' | '\n' | '\r')
            || character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_its_entities() {
        let text = "<?xml version=\"1.0\"?>\n<List xmlns=\"urn:x\"><Key>a&amp;b&#10;&lt;</Key>\n<Key/><C><P>x/</P></C></List>";
        let list = Element::parse(text.as_bytes()).unwrap();
        assert_eq!(list.name, "List");
        let keys: Vec<&str> = list.all("Key").map(|key| key.text.as_str()).collect();
        assert_eq!(keys, ["a&b\n<", ""]);
        assert_eq!(list.child("C").unwrap().text_of("P"), "x/");
        let marked = format!("\u{feff}{text}");
        assert_eq!(Element::parse(marked.as_bytes()), Ok(list));
        let element = Element::parse(b"<a x:Encoded=\"true\" b='1'/>").unwrap();
        assert!(element.has("Encoded", "true") && element.has("b", "1"));
        assert!(!element.has("Encoded", "1") && Element::parse(b"<a b=1/>").is_err());
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for text in ["", "<a>", "<a></b>", "</a>", "<a>&unknown;</a>", "\u{0}"] {
            assert!(Element::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Element::parse("<a>".repeat(100).as_bytes()).is_err());
        assert!(Element::parse(&[0xff, b'<']).is_err());
    }

    #[test]
    fn what_is_escaped_comes_back() {
        let text = "a&b<c>\"d'\r\n\tä";
        let document = format!("<k>{}</k>", escape(text));
        assert_eq!(Element::parse(document.as_bytes()).unwrap().text, text);
        assert!(can_be_in_xml(text) && !can_be_in_xml("\u{1}"));
    }
}
