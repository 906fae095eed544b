//! Files, listings, and what a client may see.

use super::*;

#[test]
fn bytes_and_reports_of_a_file_are_those_of_its_pipeline() {
    let fixture = fixture();
    // With and without compression for the way.
    for level in [0, 1, -3] {
        let host = Fixture::host(&fixture.there, level);
        conformance::bytes_and_reports_of_a_file_are_those_of_its_pipeline(&host);
    }
}

#[test]
fn what_is_missing_or_empty_is_an_outcome_where_that_was_said() {
    let fixture = fixture();
    for level in [0, 1] {
        let host = Fixture::host(&fixture.there, level);
        conformance::what_is_missing_or_empty_is_an_outcome_where_that_was_said(&host);
    }
}

#[test]
fn the_receiver_can_end_the_reading() {
    conformance::the_receiver_can_end_the_reading(&fixture().host);
}

#[test]
fn several_files_may_be_under_way() {
    conformance::several_files_may_be_under_way(&fixture().host);
}

#[test]
fn a_bad_page_is_found_where_the_file_is() {
    let fixture = fixture();
    conformance::a_bad_page_is_found_where_the_file_is(&fixture.host, &fixture.data());
}

#[test]
fn small_files_listings_and_entries_are_those_of_the_data_directory() {
    let fixture = fixture();
    let host = &fixture.host;
    let gone = StoragePath::from("postmaster.pid");
    assert_eq!(host.display(&gone), "other:/configured/postmaster.pid");
    conformance::small_files_listings_and_entries_are_those_of_the_data_directory(
        host,
        &fixture.data(),
    );
    // What the other host says of its path counts.
    let shown = format!("other:{}", fixture.data().display());
    assert_eq!(host.display(&StoragePath::root()), shown);
    assert_eq!((host.key(), host.path()), (2, &*fixture.data()));
}

#[test]
fn an_error_has_the_code_of_the_other_host_and_its_name() {
    let fixture = fixture();
    let error = read(&fixture.host, request("base/1/none", Vec::new()))
        .err()
        .unwrap();
    assert_eq!(error.code, ErrorCode::FileMissing);
    let path = fixture.data().join("base/1/none");
    assert_eq!(
        error.message,
        format!(
            "raised from remote-0 ssh protocol on 'other': unable to open missing file '{}' for read",
            path.display()
        )
    );
}

#[test]
fn a_client_reads_only_what_the_data_directory_leads_to() {
    let fixture = fixture();
    let host = &fixture.host;
    let outside = fixture.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "x").unwrap();
    let listing = host.listing();
    let outside = StoragePath::from(outside.to_str().unwrap());
    let error = listing.entry(&outside).unwrap_err();
    let code = Error::from(error).code;
    assert_eq!(code, ErrorCode::Access);
    let up = host.info(&StoragePath::from("../outside/file"), InfoLevel::Exists);
    assert_eq!(up.unwrap_err().code, ErrorCode::Protocol);
    let up = read(host, request("base/../../outside/file", Vec::new()));
    assert_eq!(up.err().unwrap().code, ErrorCode::Protocol);

    std::os::unix::fs::symlink("../outside", fixture.data().join("link")).unwrap();
    let data = StoragePath::from(fixture.data().to_str().unwrap());
    listing.tree(&data, &mut |_| Ok(())).unwrap();
    assert!(listing.entry(&outside.join("file")).unwrap().is_some());
    let (_, received) = read(host, request("link/file", Vec::new())).unwrap();
    assert_eq!(received.bytes, b"x");
}

#[test]
fn only_bytes_that_nothing_makes_small_are_compressed_for_the_way() {
    // Twelve megabytes of the same cross a link of ten thousand bytes at a time.
    let writes = |stages: Vec<Stage>, level| {
        let fixture = Fixture::new(
            DataDirBuilder::new("17")
                .unwrap()
                .file("zeros", vec![0; 12_000_000]),
            Vec::new(),
        );
        let host = Fixture::host(&fixture.there, level);
        // The connection is made first.
        host.info(&StoragePath::root(), InfoLevel::Exists).unwrap();
        let before = fixture.there.cut.writes();
        let (outcome, received) = read(&host, request("zeros", stages.clone())).unwrap();
        let ReadOutcome::Read(reports) = outcome else {
            panic!("it is there")
        };
        assert_eq!(reports.len(), stages.len());
        (received.bytes.len(), fixture.there.cut.writes() - before)
    };
    let compress = |level| Stage::Compress {
        kind: CompressType::Gz,
        level,
        raw: false,
    };
    let (length, many) = writes(vec![Stage::Size], 0);
    assert_eq!(length, 12_000_000);
    assert!(many > 1000, "{many}");
    let (length, few) = writes(vec![Stage::Size], 1);
    assert_eq!(length, 12_000_000);
    assert!(few < many / 5, "{few}");
    // Level 0 of gz leaves the bytes as they are, but whoever asks for it has them compressed.
    let (_, again) = writes(vec![compress(0)], 1);
    assert!(again > many / 2, "{again}");
}

#[test]
fn a_pipeline_with_the_map_of_the_prior_backup_may_be_longer_than_a_message() {
    let fixture = fixture();
    let content = b"0123456789".repeat(50_000);
    let block_size = 10;
    let settings = |prior: Option<BlockMap>| BlockSettings {
        block_size,
        super_block_size: 1 << 20,
        checksum_size: 6,
        reference: u32::from(prior.is_some()),
        bundle_id: 0,
        offset: 0,
        prior,
        compress: CompressType::None,
        level: 0,
        pass: None,
    };
    let stages = |prior: Option<BlockMap>| {
        vec![
            Stage::Sha1,
            Stage::BlockIncremental(settings(prior)),
            Stage::Size,
        ]
    };
    let (outcome, first) = read(&fixture.host, request("base/1/text", stages(None))).unwrap();
    let ReadOutcome::Read(reports) = outcome else {
        panic!("it is there")
    };
    assert_eq!(reports[0], Report::Sha1(Sha1Digest::of(&content)));
    let map_size = reports[1].block().unwrap().map_size as usize;
    let map = &first.bytes[first.bytes.len() - map_size..];
    let prior = BlockMap::decode(map, block_size, 6).unwrap();
    let written = serde_json::to_vec(&stages(Some(prior.clone()))).unwrap();
    assert!(written.len() > 2 << 20, "{} bytes", written.len());
    let again = request("base/1/text", stages(Some(prior)));
    let (outcome, received) = read(&fixture.host, again).unwrap();
    let ReadOutcome::Read(reports) = outcome else {
        panic!("it is there")
    };
    assert!(reports[1].block().unwrap().unchanged());
    assert!(received.bytes.is_empty());
}

#[test]
fn a_connection_that_is_cut_anywhere_in_a_file_is_an_error_and_the_next_try_is_whole() {
    let content = b"0123456789".repeat(5_000);
    let files = DataDirBuilder::new("17")
        .unwrap()
        .file("text", content.clone());
    let fixture = Fixture::new(files, Vec::new());
    let cuts = every_cut(&fixture, |host| {
        let (outcome, received): (_, Received) = read(host, request("text", vec![Stage::Sha1]))?;
        // Nothing that was cut passes for a whole file.
        assert_eq!(
            outcome,
            ReadOutcome::Read(vec![Report::Sha1(Sha1Digest::of(&content))])
        );
        assert!(received.bytes == content);
        Ok(())
    });
    assert!(cuts > 8, "{cuts}");
}

#[test]
fn a_limit_holds_for_what_is_read_at_the_other_host() {
    let fixture = fixture();
    let context = test_context::new(
        Program::PgKeep,
        "backup",
        &["--pg1-path=/pg", "--pg1-rate-limit=100KiB"],
    );
    let settings = RemoteSettings {
        key: 1,
        path: PathBuf::from("/configured"),
        network_level: 1,
        limit: crate::hosts::rate_limits::of_cluster(&context, 1),
    };
    let host = RemotePgHost::new(settings, fixture.there.link(Side::Pg, "backup"));
    let before = context.clock.milliseconds();
    // Only reports cross, and what is read counts all the same.
    let wanted = ReadRequest {
        reports_only: true,
        ..request("base/1/text", vec![Stage::Sha1])
    };
    read(&host, wanted).unwrap();
    let passed = context.clock.milliseconds() - before;
    assert_eq!(passed, 500_000 * 1000 / (100 << 10) - 100);
}
