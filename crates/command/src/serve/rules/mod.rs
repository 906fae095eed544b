//! Which requests are answered: what a request must be, whom it must name, and what it must know.
//!
//! Nothing here reads or changes anything, so whatever is refused has had no effect.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode};

use super::token::Token;
use crate::remote::tls::Identity;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Page,
    Metrics,
    Health,
}

/// Why a request gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It names no host, or several.
    NoHost,
    /// It names another host: a page in a browser was led here under its own name.
    OtherHost,
    /// It wants something other than to read.
    Method,
    /// It has no token, or another one.
    Token,
    /// There is no such page.
    Nothing,
}

impl Refused {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NoHost => StatusCode::BAD_REQUEST,
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Nothing => StatusCode::NOT_FOUND,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NoHost => "the request does not name one host\n",
            Self::OtherHost => {
                "the request names another host\n\
                 HINT: option serve-host lists further names of this one.\n"
            }
            Self::Method => "only GET and HEAD are answered\n",
            Self::Token => {
                "the token is missing or wrong\n\
                 HINT: send it as 'Authorization: Bearer', or as the password of any user.\n"
            }
            Self::Nothing => "there is only /, /metrics and /health\n",
        }
    }
}

/// What requests are held against.
#[derive(Debug)]
pub(super) struct Rules {
    /// Names of this host.
    pub(super) names: Vec<String>,
    /// Whose names are this host's too.
    pub(super) identity: Option<Identity>,
    pub(super) token: Option<Token>,
}

impl Rules {
    /// What the request asks for, if it may. Who is led here under a foreign name is not even told whether there is a token.
    pub(super) fn admit(&self, request: &Parts) -> Result<Asked, Refused> {
        self.check_host(request)?;
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(Refused::Method);
        }
        if !self.has_token(request) {
            return Err(Refused::Token);
        }
        match request.uri.path() {
            "/" => Ok(Asked::Page),
            "/metrics" => Ok(Asked::Metrics),
            "/health" => Ok(Asked::Health),
            _ => Err(Refused::Nothing),
        }
    }

    fn check_host(&self, request: &Parts) -> Result<(), Refused> {
        let mut said = request.headers.get_all(HOST).iter();
        let (Some(host), None) = (said.next(), said.next()) else {
            return Err(Refused::NoHost);
        };
        let host: Authority = host
            .to_str()
            .ok()
            .and_then(|host| host.parse().ok())
            .ok_or(Refused::NoHost)?;
        // A whole URI in the first line names one too.
        let all = [Some(&host), request.uri.authority()];
        match all.into_iter().flatten().all(|host| self.is_own(host)) {
            true => Ok(()),
            false => Err(Refused::OtherHost),
        }
    }

    /// The port does not count: a connection may have come through a tunnel.
    fn is_own(&self, authority: &Authority) -> bool {
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host();
        let host = host.strip_suffix('.').unwrap_or(host);
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        // Whoever leads a browser astray does it by a name.
        if address.parse::<IpAddr>().is_ok() {
            return true;
        }
        host.eq_ignore_ascii_case("localhost")
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(host))
            || (self.identity.as_ref()).is_some_and(|identity| identity.is_for_host(host))
    }

    fn has_token(&self, request: &Parts) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let mut said = request.headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (said.next(), said.next()) else {
            return false;
        };
        let Some((scheme, sent)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return false;
        };
        let sent = sent.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            return token.is(sent.as_bytes());
        }
        // A browser asks its user for a name too, which does not count.
        let pair = match scheme.eq_ignore_ascii_case("basic") {
            true => BASE64.decode(sent).unwrap_or_default(),
            false => return false,
        };
        let colon = pair.iter().position(|byte| *byte == b':');
        colon.is_some_and(|at| token.is(&pair[at + 1..]))
    }
}

#[cfg(test)]
mod tests;
