//! How an SFTP server and its clients prove who they are.

use super::*;

const SFTP: &str = "[global]\nrepo1-type=sftp\nrepo1-sftp-host=h\nrepo1-sftp-host-user=u\n";

#[test]
fn an_sftp_hash_type_is_demanded_only_where_a_bare_fingerprint_needs_it() {
    let check = |host: Host, lines: &str| {
        host.config(&format!("{SFTP}repo1-sftp-private-key-file=/k\n{lines}"))
            .check("info")
    };
    for host in [Host::pgbackrest, Host::ours] {
        for lines in [
            "",
            "repo1-sftp-host-key-check-type=none\n",
            "repo1-sftp-host-key-check-type=fingerprint\nrepo1-sftp-host-fingerprint=SHA256:abc\n",
        ] {
            check(host(), lines).expect(lines);
        }
        assert_eq!(
            fault(check(
                host(),
                "repo1-sftp-host-key-check-type=fingerprint\nrepo1-sftp-host-fingerprint=ab\n"
            )),
            (
                37,
                "info command requires option: repo1-sftp-host-key-hash-type".to_owned()
            )
        );
    }
}

#[test]
fn sftp_pins_replace_a_fingerprint_and_refuse_a_check_that_is_none() {
    let check = |lines: &str| {
        Host::ours()
            .config(&format!("{SFTP}repo1-sftp-private-key-file=/k\n{lines}"))
            .check("info")
    };
    let pins = "repo1-sftp-host-pin=SHA256:abc\nrepo1-sftp-host-pin=ab:cd\n";
    let config = check(pins).expect("pins alone").config;
    assert_eq!(
        config.list_at(REPO_SFTP_HOST_PIN, 1),
        Some(&["SHA256:abc".to_owned(), "ab:cd".to_owned()][..])
    );
    check(&format!(
        "{pins}repo1-sftp-host-key-check-type=fingerprint\n"
    ))
    .expect("the same said twice");
    for kind in ["none", "accept-new"] {
        let (code, text) = fault(check(&format!(
            "{pins}repo1-sftp-host-key-check-type={kind}\n"
        )));
        assert_eq!(code, 31);
        assert!(
            text.starts_with("option 'repo1-sftp-host-pin' not valid with option 'repo1-sftp-host-key-check-type' = '"),
            "{text}"
        );
    }
}

#[test]
fn an_sftp_repository_needs_a_key_file_or_an_agent_and_pgbackrest_a_key_file() {
    let missing = (
        37,
        "info command requires option: repo1-sftp-private-key-file".to_owned(),
    );
    for host in [Host::pgbackrest(), Host::ours()] {
        assert_eq!(fault(host.config(SFTP).check("info")), missing);
    }
    let agent = |host: Host| {
        host.config(SFTP)
            .variable("SSH_AUTH_SOCK", "/agent")
            .check("info")
    };
    agent(Host::ours()).expect("the agent holds a key");
    assert_eq!(fault(agent(Host::pgbackrest())), missing);
    Host::ours()
        .config(&format!("{SFTP}repo1-sftp-agent-socket=/agent\n"))
        .check("info")
        .expect("the agent holds a key");
}

#[test]
fn an_sftp_fingerprint_and_its_check_type_go_together() {
    let check = |lines: &str| {
        Host::pgbackrest()
            .config(&format!("[global]\nrepo1-type=sftp\nrepo1-sftp-host=h\nrepo1-sftp-host-user=u\nrepo1-sftp-private-key-file=/k\nrepo1-sftp-host-key-hash-type=sha1\n{lines}"))
            .check("info")
    };
    let old = check("repo1-sftp-host-fingerprint=ab\n").expect("an old way to say it");
    assert_eq!(
        old.warnings,
        [
            "option 'repo1-sftp-host-fingerprint' without option 'repo1-sftp-host-key-check-type' = 'fingerprint' is deprecated\n\
             HINT: set option 'repo1-sftp-host-key-check-type=fingerprint'"
        ]
    );
    assert_eq!(
        old.config.string(REPO_SFTP_HOST_KEY_CHECK_TYPE),
        Some("fingerprint")
    );
    assert_eq!(
        fault(check(
            "repo1-sftp-host-fingerprint=ab\nrepo1-sftp-host-key-check-type=strict\n"
        )),
        (31, "option 'repo1-sftp-host-fingerprint' not valid without option 'repo1-sftp-host-key-check-type' = 'fingerprint'".to_owned())
    );
    assert_eq!(
        fault(check("repo1-sftp-host-key-check-type=fingerprint\n")),
        (
            37,
            "info command requires option: repo1-sftp-host-fingerprint".to_owned()
        )
    );
}
