//! Requests and answers of HTTP/1 on a connection: heads are read, bodies are passed on or read whole.

use std::io::{Error, Result};

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt,
};

/// Longest head; clients and servers of tests stay far below.
const HEAD_LIMIT: usize = 256 << 10;

/// First line and headers.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) first: String,
    headers: Vec<(String, String)>,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    After(u64),
    Chunked,
    WithConnection,
}

impl Head {
    /// The next head; `None` where the connection ended before it.
    pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Self>> {
        let mut text = Vec::new();
        loop {
            let before = text.len();
            from.read_until(b'\n', &mut text).await?;
            if text.len() == before {
                return if text.is_empty() {
                    Ok(None)
                } else {
                    Err(Error::other("the connection ended within a head"))
                };
            }
            if text.ends_with(b"\r\n\r\n") {
                break;
            }
            if text.len() > HEAD_LIMIT {
                return Err(Error::other("a head without an end"));
            }
        }
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Ok(Some(Self { first, headers }))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.headers
            .retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Whether the connection ends with this answer.
    pub(super) fn is_last(&self) -> bool {
        let closes = self
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        closes || self.first.starts_with("HTTP/1.0")
    }

    /// The body of a request.
    pub(super) fn request_body(&self) -> Ends {
        match self.length() {
            Some(length) => Ends::After(length),
            None if self.is_chunked() => Ends::Chunked,
            None => Ends::After(0),
        }
    }

    /// The body of an answer to a request.
    pub(super) fn answer_body(&self, method: &str) -> Ends {
        let status = self.first.split(' ').nth(1).unwrap_or_default();
        if method == "HEAD" || status.starts_with('1') || matches!(status, "204" | "304") {
            return Ends::After(0);
        }
        match self.length() {
            _ if self.is_chunked() => Ends::Chunked,
            Some(length) => Ends::After(length),
            None => Ends::WithConnection,
        }
    }

    fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// The same for a body of this length in one piece.
    pub(super) fn of_length(mut self, length: usize) -> Self {
        self.headers
            .retain(|(own, _)| !own.eq_ignore_ascii_case("transfer-encoding"));
        self.set("content-length", &length.to_string());
        self
    }
}

/// Passes a body on as it comes; hands back its length.
pub(super) async fn pass_on(
    ends: Ends,
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<u64> {
    match ends {
        Ends::After(length) => {
            let passed = tokio::io::copy_buf(&mut from.take(length), to).await?;
            if passed < length {
                return Err(Error::other("the connection ended within a body"));
            }
            Ok(passed)
        }
        Ends::WithConnection => tokio::io::copy_buf(from, to).await,
        Ends::Chunked => {
            let mut passed = 0;
            loop {
                let mut line = Vec::new();
                from.read_until(b'\n', &mut line).await?;
                to.write_all(&line).await?;
                let size = String::from_utf8_lossy(&line);
                let size = size.trim().split(';').next().unwrap_or_default();
                let size = u64::from_str_radix(size, 16).map_err(Error::other)?;
                // With the end of its line. What may follow the last chunk is not sent by servers of tests.
                tokio::io::copy_buf(&mut from.take(size + 2), to).await?;
                passed += size;
                if size == 0 {
                    return Ok(passed);
                }
            }
        }
    }
}

/// Reads a body whole.
pub(super) async fn read_whole(
    ends: Ends,
    from: &mut (impl AsyncBufRead + Unpin),
) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    if ends == Ends::Chunked {
        loop {
            let mut line = String::new();
            from.read_line(&mut line).await?;
            let size = line.trim().split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(size, 16).map_err(Error::other)?;
            from.take(size).read_to_end(&mut raw).await?;
            read_exactly(2, from).await?;
            if size == 0 {
                return Ok(raw);
            }
        }
    }
    pass_on(ends, from, &mut raw).await?;
    Ok(raw)
}

async fn read_exactly(length: u64, from: &mut (impl AsyncRead + Unpin)) -> Result<()> {
    let mut bytes = Vec::new();
    let read = from.take(length).read_to_end(&mut bytes).await?;
    if (read as u64) < length {
        return Err(Error::other("the connection ended within a body"));
    }
    Ok(())
}

/// Waits for half of a body of a request, but takes no more.
pub(super) async fn read_half(ends: Ends, from: &mut (impl AsyncBufRead + Unpin)) -> Result<()> {
    match ends {
        Ends::After(length) => read_exactly(length / 2, from).await,
        Ends::Chunked | Ends::WithConnection => Ok(()),
    }
}
