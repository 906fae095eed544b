//! Who may come, and what for: the clients of `tls-server-auth` and `tls-server-rights`.

use crate::error::{Error, ErrorCode, Result};
use crate::remote::rights::{Grants, Rights};
use crate::remote::tls::Caller;

/// Clients by the name in their certificate, with what each may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clients(Vec<(String, Grants)>);

impl Clients {
    /// From the values of both options, in their order.
    pub(super) fn new(auth: &[(String, String)], rights: &[(String, String)]) -> Result<Self> {
        let mut clients: Vec<_> = auth
            .iter()
            .map(|(name, stanzas)| (name.clone(), Grants::admin_of(stanzas)))
            .collect();
        for (name, list) in rights {
            // Whoever reads one of the lists must not be wrong about the client.
            if auth.iter().any(|(other, _)| other == name) {
                return Err(Error::new(
                    ErrorCode::OptionInvalid,
                    format!("client '{name}' is in both 'tls-server-auth' and 'tls-server-rights'"),
                )
                .with_hint("the first gives every right, so remove it from one of them."));
            }
            clients.push((name.clone(), Grants::read("tls-server-rights", list)?));
        }
        Ok(Self(clients))
    }

    /// Clients that are listed with nothing, which is surely a mistake.
    pub(super) fn without_any(&self) -> impl Iterator<Item = &str> {
        let nothing = Grants::default();
        self.0
            .iter()
            .filter(move |(_, grants)| *grants == nothing)
            .map(|(name, _)| name.as_str())
    }

    /// What this client may do with this stanza.
    ///
    /// # Errors
    /// Why that is nothing, for the log of the server.
    pub(super) fn admit(
        &self,
        caller: &Caller,
        stanza: Option<&str>,
    ) -> std::result::Result<Rights, &'static str> {
        let Caller::Named(names) = caller else {
            return Err("it showed no certificate");
        };
        if names.is_empty() {
            return Err("its certificate has no name");
        }
        // A certificate has several names only where it has no common name.
        let grants: Vec<_> = names
            .iter()
            .filter_map(|name| self.0.iter().find(|(known, _)| known == name))
            .collect();
        if grants.is_empty() {
            return Err("it is not in tls-server-auth or tls-server-rights");
        }
        grants
            .iter()
            .find_map(|(_, grants)| grants.rights(stanza))
            .ok_or(match stanza {
                Some(_) => "the stanza is not among those of this client",
                None => "requests without a stanza need '*'",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::rights::Right;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(pair).collect()
    }

    fn named(names: &[&str]) -> Caller {
        Caller::Named(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_client_has_what_its_list_says_and_the_log_says_why_it_has_nothing() {
        let auth = pairs(&[("pg1", "demo"), ("ops", "*"), ("idle", "")]);
        let rights = pairs(&[("pg2", "demo:push")]);
        let clients = Clients::new(&auth, &rights).unwrap();
        assert_eq!(clients.without_any().collect::<Vec<_>>(), ["idle"]);
        let admit = |names: &[&str], stanza| clients.admit(&named(names), stanza);
        assert!(admit(&["pg1"], Some("demo")).unwrap().has(Right::Admin));
        assert!(admit(&["ops"], None).unwrap().has(Right::Admin));
        let push = admit(&["x", "pg2"], Some("demo")).unwrap();
        assert!(push.has(Right::Push) && !push.has(Right::Get));
        for (caller, stanza, why) in [
            (Caller::Nobody, Some("demo"), "no certificate"),
            (named(&[]), Some("demo"), "has no name"),
            (named(&["PG1"]), Some("demo"), "not in tls-server-auth"),
            (named(&["pg1"]), Some("other"), "not among those"),
            (named(&["pg1"]), None, "need '*'"),
            (named(&["idle"]), Some("demo"), "not among those"),
        ] {
            let told = clients.admit(&caller, stanza).unwrap_err();
            assert!(told.contains(why), "{caller:?}: {told}");
        }
    }

    #[test]
    fn a_client_that_is_in_both_lists_is_refused() {
        let error = Clients::new(&pairs(&[("pg1", "demo")]), &pairs(&[("pg1", "demo:push")]));
        assert_eq!(error.unwrap_err().code, ErrorCode::OptionInvalid);
    }
}
