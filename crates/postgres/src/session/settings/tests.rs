#![allow(clippy::disallowed_methods)]

use super::*;
use secrecy::ExposeSecret;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn with_environment(variables: &[(&str, &str)]) -> SessionSettings {
    SessionSettings {
        os_user: "someone".to_owned(),
        environment: LibpqEnvironment::from_variables(variables.iter().copied()),
        ..Default::default()
    }
}

#[test]
fn connection_text_shows_what_was_given_and_escapes_it() {
    let mut settings = SessionSettings::default();
    assert_eq!(settings.connection_text(), "dbname='postgres' port=5432");
    settings.database = "back\\sla'sh".to_owned();
    settings.user = Some("backup".to_owned());
    settings.socket_path = Some("/tmp".to_owned());
    settings.port = 5433;
    assert_eq!(
        settings.connection_text(),
        "dbname='back\\\\sla\\'sh' port=5433 user='backup' host='/tmp'"
    );
}

#[test]
fn bare_settings_lead_to_the_default_socket_as_the_os_user() {
    let target = with_environment(&[]).target().unwrap();
    assert_eq!(
        target.endpoint,
        Endpoint::Socket(DEFAULT_SOCKET_DIR.to_owned())
    );
    assert_eq!(
        (target.user.as_str(), target.port, target.connect_timeout),
        ("someone", 5432, None)
    );
    assert!(target.password.is_none());
}

#[test]
fn environment_fills_what_was_not_given() {
    let variables = [
        ("PGHOST", "/run/env"),
        ("PGUSER", "env"),
        ("PGPORT", "1"),
        ("PGDATABASE", "other"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("PGOPTIONS", "-c x=y"),
        ("PGPASSWORD", "hidden"),
    ];
    let mut settings = with_environment(&variables);
    let target = settings.target().unwrap();
    assert_eq!(target.endpoint, Endpoint::Socket("/run/env".to_owned()));
    assert_eq!(
        (target.user.as_str(), target.port, target.database.as_str()),
        ("env", 5432, "postgres")
    );
    assert_eq!(
        (target.options.as_deref(), target.connect_timeout),
        (Some("-c x=y"), Some(Duration::from_secs(7)))
    );
    assert_eq!(target.password.unwrap().expose_secret(), "hidden");
    assert!(!format!("{settings:?}").contains("hidden"));

    settings.user = Some("given".to_owned());
    settings.socket_path = Some("@given".to_owned());
    let target = settings.target().unwrap();
    assert_eq!(
        (target.user.as_str(), target.endpoint),
        ("given", Endpoint::Socket("@given".to_owned()))
    );
}

#[test]
fn service_stands_between_settings_and_environment() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("services");
    fs::write(
        &file,
        "[pg]\nuser=service\nhost=db.example\nport=9\npassword=sesame\n",
    )
    .unwrap();
    let file = file.to_str().unwrap().to_owned();
    let variables = [
        ("PGSERVICE", "pg"),
        ("PGSERVICEFILE", file.as_str()),
        ("PGUSER", "env"),
        ("PGPASSWORD", "env"),
    ];
    let mut settings = with_environment(&variables);
    let target = settings.target().unwrap();
    assert_eq!(
        target.endpoint,
        Endpoint::Hosts(vec!["db.example".to_owned()])
    );
    assert_eq!((target.user.as_str(), target.port), ("service", 5432));
    assert_eq!(target.password.unwrap().expose_secret(), "sesame");
    settings.user = Some("given".to_owned());
    assert_eq!(settings.target().unwrap().user, "given");
}

#[test]
fn password_file_names_a_default_socket_localhost() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pgpass");
    fs::write(
        &file,
        "localhost:5432:*:someone:default\n/run/x:5432:*:someone:other\n127.0.0.1:*:*:*:address\n",
    )
    .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut settings = SessionSettings {
        home: Some(home.path().to_owned()),
        ..with_environment(&[])
    };
    let password = |settings: &SessionSettings| {
        settings
            .target()
            .unwrap()
            .password
            .map(|p| p.expose_secret().to_owned())
    };
    assert_eq!(password(&settings).as_deref(), Some("default"));
    assert_eq!(settings.target().unwrap().passfile, Some(file));
    settings.socket_path = Some("/run/x".to_owned());
    assert_eq!(password(&settings).as_deref(), Some("other"));
    settings.environment.hostaddr = Some("127.0.0.1".to_owned());
    assert_eq!(password(&settings).as_deref(), Some("address"));
    settings.environment.passfile = Some(home.path().join("other"));
    assert_eq!(password(&settings), None);
}

#[test]
fn values_that_make_no_sense_are_named() {
    let message = |variables: &[(&str, &str)]| {
        with_environment(variables)
            .target()
            .unwrap_err()
            .message()
            .to_owned()
    };
    assert_eq!(
        message(&[("PGHOSTADDR", "nowhere")]),
        "could not parse network address \"nowhere\""
    );
    assert_eq!(
        message(&[("PGCONNECT_TIMEOUT", "soon")]),
        "invalid integer value \"soon\" for connection option \"connect_timeout\""
    );
    assert_eq!(
        message(&[("PGHOST", "db"), ("PGSSLMODE", "require")]),
        "sslmode value \"require\" invalid when SSL support is not compiled in"
    );
    assert!(
        with_environment(&[("PGSSLMODE", "require")])
            .target()
            .is_ok(),
        "a socket needs no TLS"
    );
}
