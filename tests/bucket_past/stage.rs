//! A cluster made up, a repository in a bucket of moto's that keeps versions, and both programs.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::object_server::{Kind, ObjectServer};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A bucket whose objects can be locked; such a bucket keeps versions.
const BUCKET: &str = "lockable";

const SEGMENT_SIZE: u32 = 1 << 20;

pub struct Stage<'a> {
    program: &'a Program,
    pub server: ObjectServer,
    pgbackrest: PgBackRest,
    pub scratch: Scratch,
    config: PathBuf,
    cluster: DataDirBuilder,
}

impl<'a> Stage<'a> {
    /// An empty stanza in the bucket.
    pub fn new(program: &'a Program, options: &[(&str, &str)]) -> Result<Self> {
        let server = ObjectServer::start(Kind::Moto)?;
        let header = "x-amz-bucket-object-lock-enabled: true\r\n";
        server.send("PUT", &format!("/{BUCKET}"), header, "")?;
        Self::on(server, program, options)
    }

    /// An empty stanza in the bucket of a server.
    pub fn on(
        server: ObjectServer,
        program: &'a Program,
        options: &[(&str, &str)],
    ) -> Result<Self> {
        let pgbackrest = PgBackRest::mandatory()?;
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        let cluster = DataDirBuilder::new("15")?
            .wal_segment_size(SEGMENT_SIZE)
            .page_checksums()
            .relation("base/1/16384", 4)
            .relation("base/1/16385", 700)
            .relation("global/1262", 1)
            .file("pg_xact/0000", vec![0x55; 20_000])
            .file("empty", "");
        cluster.build(&data)?;
        scratch.account().own_tree(&data)?;
        let mut config = Configuration::new(&scratch)?
            .global("log-level-file", "off")
            .global("compress-type", "none")
            .stanza("main", "pg1-path", data.display());
        for (option, value) in server.options(1) {
            let is_bucket = option == "repo1-s3-bucket";
            config = config.global(&option, if is_bucket { BUCKET } else { &value });
        }
        for (option, value) in options {
            config = config.global(option, value);
        }
        let config = config.write(&scratch, "pgbackrest.conf")?;
        let stage = Self {
            program,
            server,
            pgbackrest,
            scratch,
            config,
            cluster,
        };
        stage.ours(&["--no-online", "stanza-create"])?.success()?;
        Ok(stage)
    }

    fn options(&self) -> [String; 2] {
        [
            format!("--config={}", self.config.display()),
            "--stanza=main".to_owned(),
        ]
    }

    pub fn ours(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.program.command();
        Ok(run(command.args(self.options()).args(arguments))?)
    }

    pub fn theirs(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.pgbackrest.command();
        Ok(run(command.args(self.options()).args(arguments))?)
    }

    /// Target of a request about a file of the repository.
    pub fn object(&self, path: &str) -> String {
        let options = self.server.options(1);
        let root = options.iter().find(|(option, _)| option == "repo1-path");
        let root = root.map_or("/var/lib/pgbackrest", |(_, value)| value.as_str());
        format!("/{BUCKET}{root}/{path}")
    }

    /// A full backup; its label.
    pub fn backup(&self) -> Result<String> {
        let all = ["--no-online", "--type=full", "backup"];
        self.ours(&all)?.success()?;
        let labels = self.labels()?;
        Ok(labels.last().ok_or("no backup is listed")?.clone())
    }

    /// Labels that `info` lists, oldest first.
    pub fn labels(&self) -> Result<Vec<String>> {
        let text = self.ours(&["--output=json", "info"])?.success()?.stdout;
        let parts = text.split("\"label\":\"").skip(1);
        let labels = parts.filter_map(|part| part.split('"').next());
        Ok(labels.map(str::to_owned).collect())
    }

    /// Archives the segment of that number; its name.
    pub fn archive(&self, number: u8) -> Result<String> {
        let name = format!("0000000100000000{number:08X}");
        let path = format!("data/pg_wal/{name}");
        self.scratch
            .write(&path, self.cluster.wal_segment(number))?;
        let path = self.scratch.join(&path).display().to_string();
        self.ours(&["archive-push", &path])?.success()?;
        fs::remove_file(path)?;
        Ok(name)
    }

    pub fn segment(&self, number: u8) -> Vec<u8> {
        self.cluster.wal_segment(number)
    }

    /// An empty directory to restore into, as the option for it.
    pub fn empty_copy(&self) -> Result<String> {
        let copy = self.scratch.join("copy");
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        self.scratch.make_dir("copy")?;
        Ok(format!("--pg1-path={}", copy.display()))
    }

    /// What was restored is what the cluster has.
    pub fn copy_is_right(&self) -> Result<()> {
        let of = |name: &str| Snapshot::of(&self.scratch.join(name), &Ignore::of_restore());
        Ok(of("data")?.must_equal(&of("copy")?)?)
    }
}

/// The second that has begun, once it is over: whatever is stored next is of a later one. As options want it.
pub fn end_of_second() -> Result<String> {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at = now()?.as_secs();
    while now()?.as_secs() == at {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (days, rest) = (at / 86_400, at % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    Ok(format!(
        "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}+00"
    ))
}

/// Year, month and day of a day since 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}
