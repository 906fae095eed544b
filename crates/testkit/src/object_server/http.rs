//! As much HTTP as stands between a client and a server of tests: whole requests and answers, lengths known.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest head of a request or answer.
const HEAD: usize = 64 << 10;

/// A request, or as much of it as came.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query, as they were sent.
    pub(super) target: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The connection was cut before the body's end.
    pub(super) cut: bool,
}

impl Request {
    /// Reads the next one; `None` at the end of the connection. `buffer` keeps what came behind the last one.
    pub(super) async fn read(
        client: &mut (impl AsyncRead + Unpin),
        buffer: &mut Vec<u8>,
    ) -> Option<Self> {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if buffer.len() > HEAD || client.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end + 4);
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = headers(lines);
        let length = value(&headers, "content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        let mut cut = false;
        while buffer.len() < length && !cut {
            cut = !matches!(client.read_buf(buffer).await, Ok(1..));
        }
        let behind = buffer.split_off(length.min(buffer.len()));
        let body = std::mem::replace(buffer, behind);
        Some(Self {
            method,
            target,
            headers,
            body,
            cut,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    pub(super) fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(&*self.target, |(path, _)| path)
    }

    /// Pairs of the query, as they were sent.
    pub(super) fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    /// One value of the query.
    pub(super) fn asks(&self, name: &str) -> Option<&str> {
        self.query()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }

    /// Asks the server behind. It speaks HTTP/1.0 with us, so that its answer ends with the connection.
    pub(super) async fn forward(&self, to: SocketAddr) -> std::io::Result<Answer> {
        let mut server = TcpStream::connect(to).await?;
        let mut head = format!("{} {} HTTP/1.0\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            if !matches!(
                &**name,
                "connection" | "content-length" | "transfer-encoding"
            ) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        server.write_all(head.as_bytes()).await?;
        server.write_all(&self.body).await?;
        let mut all = Vec::new();
        server.read_to_end(&mut all).await?;
        let end = all
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        Ok(Answer {
            status: status.ok_or(std::io::ErrorKind::InvalidData)?,
            headers: headers(lines),
            body: all.split_off(end + 4),
        })
    }
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect()
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.as_str())
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An error as the service words it.
    pub(super) fn error(status: u16, reason: &str, message: &str) -> Self {
        let body = format!(
            r#"{{"error":{{"code":{status},"message":"{message}","errors":[{{"domain":"global","reason":"{reason}","message":"{message}"}}]}}}}"#
        );
        Self::json(status, body)
    }

    pub(super) fn json(status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.into_bytes(),
        }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) async fn send(
        &self,
        client: &mut (impl AsyncWrite + Unpin),
        method: &str,
    ) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} x\r\n", self.status);
        for (name, value) in &self.headers {
            if !matches!(
                &**name,
                "connection" | "content-length" | "transfer-encoding"
            ) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        // The answer to HEAD names the length of what is not sent.
        let length = match (method, value(&self.headers, "content-length")) {
            ("HEAD", Some(length)) => length.to_owned(),
            _ => self.body.len().to_string(),
        };
        head.push_str(&format!("content-length: {length}\r\n\r\n"));
        client.write_all(head.as_bytes()).await?;
        if method != "HEAD" {
            client.write_all(&self.body).await?;
        }
        client.flush().await
    }
}
