//! Far from the bucket: how often a command waits for the server, whatever the number of files.

use std::sync::Arc;
use std::time::Duration;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

/// The start of TLS; the lists of backups and of archives, and what is named in them; manifests; the list and its copy; files by
/// their names on new connections; what is left. It is 9, and 11 on a busy machine. With a list of the files it was 14 for 3,200 of
/// them, and each further page of 1,000 is one more.
const MOST: u64 = 13;

pub(crate) fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "s3_expire_takes_few_round_trips_one_after_the_other",
        move || expire(&program),
    )
}

/// Two backups of more files than five pages of a list have, and one of them goes.
fn expire(program: &Program) -> TestResult {
    let server = ObjectServer::start(Kind::S3s)?;
    let scratch = Scratch::new()?;
    let data = scratch.join("data");
    let mut builder = DataDirBuilder::new("15")?;
    for number in 0..5200 {
        builder = builder.file(format!("base/1/{}", 20_000 + number), "x");
    }
    builder.build(&data)?;
    scratch.account().own_tree(&data)?;
    let configuration = Configuration::new(&scratch)?
        .bucket(1, &server)
        .global("compress-type", "none")
        .global("repo1-retention-full", 9)
        .stanza("main", "pg1-path", data.display());
    let near = configuration.write(&scratch, "near.conf")?;
    // Much longer than the work between on a busy machine.
    let proxy = Network::new()
        .delay(Duration::from_millis(60))
        .to(server.address())?;
    let far = configuration
        .bucket_at(1, &server, proxy.address().port())
        .write(&scratch, "far.conf")?;
    let say = |config: &std::path::Path, arguments: &[&str]| {
        run(program
            .as_pgbackrest()
            .arg(format!("--config={}", config.display()))
            .arg("--stanza=main")
            .args(arguments))?
        .success()
    };
    say(&near, &["--no-online", "stanza-create"])?;
    for _ in 0..2 {
        say(&near, &["--no-online", "--type=full", "backup"])?;
    }
    say(&far, &["--repo1-retention-full=1", "expire"])?;
    let trips = proxy.round_trips_of_all();
    println!(
        "object_stores, expire: {trips} round trips, {} connections",
        proxy.connections()
    );
    if trips > MOST {
        return Err(format!("{trips} round trips").into());
    }
    Ok(())
}
