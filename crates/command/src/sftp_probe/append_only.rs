//! Whether the account may only add files, or could be made so, and what to do next.
//!
//! It is tried with four small files in the probe's directory, before anything else is written there: what an account that may
//! only add has made stays. Whoever keeps the repository removes it (`expire`).

use pgkeep_storage::sftp::examine::{Change, Creation, Files, changes, links};

/// Requests that can be refused by name: OpenSSH's `-P` knows all that matter since then.
const OPENSSH: u32 = 8;
const DAY: i64 = 86_400;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AppendOnly {
    pub(super) hard_link: bool,
    /// Whether a link takes the place of a file that is there; `None`: no link can be made.
    pub(super) link_replaces: Option<bool>,
    /// What the account may do to a finished file.
    pub(super) may: Vec<Change>,
    /// What is left in the probe's directory.
    pub(super) left: Vec<String>,
    pub(super) verdict: Verdict,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This account may only add.
    Is,
    /// The server can do it; this account may do more.
    Possible,
    /// Files can be published, and nobody has shown how this server is told to refuse requests.
    OtherServer,
    /// An OpenSSH that cannot refuse all requests that matter.
    OldServer,
    /// No hard links.
    NoLinks,
    /// A link replaces what is there, so whoever may add may also destroy.
    LinksReplace,
    /// A file could not be made, or not be read again.
    NotTried,
}

impl AppendOnly {
    /// What is printed and logged for programs.
    pub(super) fn name(&self) -> &'static str {
        match self.verdict {
            Verdict::Is => "yes",
            Verdict::Possible => "possible",
            Verdict::OtherServer => "not known",
            Verdict::OldServer | Verdict::NoLinks | Verdict::LinksReplace => "no",
            Verdict::NotTried => "not tried",
        }
    }

    /// One sentence.
    pub(super) fn reason(&self) -> String {
        let may = || {
            let names: Vec<&str> = self.may.iter().map(|one| one.text()).collect();
            names.join(", ")
        };
        match self.verdict {
            Verdict::Is => "this account can add files, and neither change nor remove one that is finished".into(),
            Verdict::Possible => format!(
                "the server can do it, but this account may {} finished files",
                may()
            ),
            Verdict::OtherServer => format!(
                "hard links work and replace nothing, but this account may {} finished files, and the server is not OpenSSH",
                may()
            ),
            Verdict::OldServer => format!(
                "this account may {} finished files, and OpenSSH before {OPENSSH}.0 cannot refuse all of that",
                may()
            ),
            Verdict::NoLinks => {
                "the server makes no hard links (hardlink@openssh.com), by which such an account publishes files".into()
            }
            Verdict::LinksReplace => {
                "a hard link replaces a file that is there, so whoever may add could destroy backups".into()
            }
            Verdict::NotTried => {
                "files that have to be tried with could not be made or read in the directory of the probe".into()
            }
        }
    }

    /// What to do now, for the repository with this key.
    pub(super) fn next_step(&self, key: u32, append_only: bool) -> String {
        match self.verdict {
            Verdict::Is if append_only => {
                "none is needed; prove it again with sftp-audit after each change of the server".into()
            }
            Verdict::Is => format!(
                "set repo{key}-sftp-append-only=y here, and run expire with another account that keeps the repository"
            ),
            Verdict::Possible => {
                "pgkeep --append-only sftp-setup makes a script for the SFTP host".into()
            }
            Verdict::OtherServer => {
                "see whether the server can refuse an account to remove, rename and overwrite files and to set their attributes, \
                 then run sftp-audit; or use OpenSSH 8.0 or later"
                    .into()
            }
            Verdict::OldServer => {
                "update OpenSSH on the server, then run: pgkeep --append-only sftp-setup".into()
            }
            Verdict::NoLinks | Verdict::LinksReplace => {
                "use an OpenSSH server with hard links, or snapshots on the server that this account cannot reach".into()
            }
            Verdict::NotTried => "see what the account may do with sftp-audit".into(),
        }
    }

    /// Whether the account may remove what it has made.
    pub(super) fn removes(&self) -> bool {
        self.left.is_empty()
    }
}

/// Tries it in `directory`. `software`: how the server introduces itself; `now`: seconds since 1970.
pub(super) fn examine(
    files: &Files,
    directory: &str,
    announced: &dyn Fn(&str) -> bool,
    software: &str,
    now: i64,
) -> AppendOnly {
    let file = format!("{directory}/finished");
    if files
        .write(&file, Creation::Closed, b"a finished backup")
        .is_err()
    {
        return AppendOnly {
            hard_link: false,
            link_replaces: None,
            may: Vec::new(),
            left: Vec::new(),
            verdict: Verdict::NotTried,
        };
    }
    let (mut hard_link, mut link_replaces, mut left) = (false, None, Vec::new());
    if announced("hardlink@openssh.com") {
        let seen = links(files, directory, &file);
        (hard_link, link_replaces) = (seen.made.is_ok(), seen.replace);
        left.extend(seen.left);
    }
    let yesterday = u32::try_from(now - DAY).unwrap_or(0);
    let seen = changes(files, directory, &file, yesterday);
    left.extend(seen.left);
    AppendOnly {
        hard_link,
        link_replaces,
        verdict: verdict(hard_link, link_replaces, &seen.may, software),
        may: seen.may,
        left,
    }
}

fn verdict(
    hard_link: bool,
    link_replaces: Option<bool>,
    may: &[Change],
    software: &str,
) -> Verdict {
    match (hard_link, link_replaces) {
        (false, _) => return Verdict::NoLinks,
        (true, Some(true)) => return Verdict::LinksReplace,
        // Nothing was seen to be replaced, nor to stay.
        (true, None) => return Verdict::NotTried,
        (true, Some(false)) => {}
    }
    if may.is_empty() {
        return Verdict::Is;
    }
    match openssh_major(software) {
        Some(major) if major >= OPENSSH => Verdict::Possible,
        Some(_) => Verdict::OldServer,
        None => Verdict::OtherServer,
    }
}

/// Of `SSH-2.0-OpenSSH_9.2p1 Debian-2`.
fn openssh_major(software: &str) -> Option<u32> {
    let (_, version) = software.split_once("OpenSSH_")?;
    version.split_once('.')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_needs_links_that_replace_nothing_and_an_account_that_changes_nothing() {
        let new = "SSH-2.0-OpenSSH_9.2p1 Debian-2";
        let all = [Change::Overwrite, Change::Remove];
        for (link, replaces, may, software, expected) in [
            (true, Some(false), &[][..], new, Verdict::Is),
            (true, Some(false), &[], "SSH-2.0-other", Verdict::Is),
            (true, Some(false), &all, new, Verdict::Possible),
            (
                true,
                Some(false),
                &all,
                "SSH-2.0-OpenSSH_10.6",
                Verdict::Possible,
            ),
            (
                true,
                Some(false),
                &all,
                "SSH-2.0-OpenSSH_7.9p1",
                Verdict::OldServer,
            ),
            (
                true,
                Some(false),
                &all,
                "SSH-2.0-AsyncSSH_2.10",
                Verdict::OtherServer,
            ),
            (true, Some(true), &[], new, Verdict::LinksReplace),
            (true, None, &[], new, Verdict::NotTried),
            (false, None, &[], new, Verdict::NoLinks),
        ] {
            assert_eq!(
                verdict(link, replaces, may, software),
                expected,
                "{link} {replaces:?} {may:?} {software}"
            );
        }
    }

    #[test]
    fn every_verdict_has_a_reason_and_a_next_step() {
        for verdict in [
            Verdict::Is,
            Verdict::Possible,
            Verdict::OtherServer,
            Verdict::OldServer,
            Verdict::NoLinks,
            Verdict::LinksReplace,
            Verdict::NotTried,
        ] {
            let seen = AppendOnly {
                hard_link: true,
                link_replaces: Some(false),
                may: vec![Change::Overwrite, Change::Remove],
                left: Vec::new(),
                verdict,
            };
            assert!(seen.reason().len() > 20 && seen.next_step(2, false).len() > 20);
        }
    }
}
