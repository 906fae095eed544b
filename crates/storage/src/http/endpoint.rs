//! Where a store is: `[http://|https://]name[:port]`, as options for endpoints and hosts say it.

/// Scheme, host and port of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// With TLS.
    pub tls: bool,
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// `None`: that of the scheme.
    pub port: Option<u16>,
}

impl Endpoint {
    /// Reads an option's value; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("'{text}' is not a valid host: {what}"));
        let (tls, rest) = match text.split_once("://") {
            None => (true, text),
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) => return wrong("only http:// and https:// are known"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
            let Some((host, after)) = inner.split_once(']') else {
                return wrong("a bracket is missing");
            };
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return wrong("a port follows a colon"),
            }
        } else {
            match rest.rsplit_once(':') {
                // Several colons and no brackets: an IPv6 address alone.
                Some((host, _)) if host.contains(':') => (rest, None),
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            }
        };
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            return wrong("it names no host");
        }
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return wrong("the port is not a number from 1 to 65535"),
        };
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
        })
    }

    /// Port of the connection.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// As the header `host` has it: with a port that was named.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    /// `https://name:port`, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{}", self.host, self.port())
        } else {
            format!("{scheme}://{}:{}", self.host, self.port())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn schemes_ports_and_addresses_are_read() {
        for (text, url) in [
            ("s3.example.org", "https://s3.example.org:443"),
            ("s3.example.org:9000", "https://s3.example.org:9000"),
            ("http://s3.example.org", "http://s3.example.org:80"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("::1", "https://[::1]:443"),
            ("https://name/", "https://name:443"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().url(), url);
        }
        for (text, authority) in [("name", "name"), ("http://[::1]:80", "[::1]:80")] {
            assert_eq!(Endpoint::parse(text).unwrap().authority(), authority);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "ftp://x",
            "name:0",
            "name:port",
            "a/b",
            "[::1",
            "user@name",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
