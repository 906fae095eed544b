//! A throw-away root directory with a package database of its own, and what is done to it.
//!
//! dpkg runs maintainer scripts without changing into the root (they honour DPKG_ROOT). What a real system has already is
//! written into the database: libraries, and on request a stand-in for Debian's pgbackrest.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::error::{Error, Result};
use pgkeep_testkit::run::{Outcome, run};
use tempfile::TempDir;

/// Content of the stand-in for pgBackRest.
pub const PGBACKREST: &[u8] = b"pgBackRest\n";

type Anyhow<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The root; removed when dropped.
pub struct Root {
    dir: TempDir,
    /// Packages that were built, outside of the root.
    built: TempDir,
}

impl Root {
    /// A root with libraries as Debian 12 has them.
    pub fn new() -> Anyhow<Root> {
        if !Path::new("/usr/bin/dpkg-deb").exists() {
            return Err(Error::missing("dpkg-deb").into());
        }
        if run(Command::new("id").arg("-u"))?.stdout.trim() != "0" {
            return Err(Error::missing("root, which dpkg needs to install").into());
        }
        let root = Root {
            dir: tempfile::tempdir()?,
            built: tempfile::tempdir()?,
        };
        for dir in [
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
            "var/lib/dpkg/triggers",
            "etc",
        ] {
            fs::create_dir_all(root.path(dir))?;
        }
        fs::write(root.path("var/lib/dpkg/info/format"), "1\n")?;
        let there =
            "Status: install ok installed\nVersion: 99\nMaintainer: nobody\nDescription: there\n";
        let arch = architecture()?;
        for name in ["libc6", "libgcc-s1"] {
            root.add(&format!("Package: {name}\nArchitecture: {arch}\n{there}\n"))?;
            fs::write(root.path(&format!("var/lib/dpkg/info/{name}.list")), "")?;
        }
        Ok(root)
    }

    fn add(&self, entry: &str) -> std::io::Result<()> {
        let path = self.path("var/lib/dpkg/status");
        let status = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, status + entry)
    }

    /// Puts a stand-in for Debian's pgbackrest there: its program and its rotation of logs.
    pub fn have_pgbackrest(&self) -> Anyhow<()> {
        let tree = tempfile::tempdir()?;
        let at = |path: &str| tree.path().join(path);
        for dir in ["DEBIAN", "usr/bin", "etc/logrotate.d"] {
            fs::create_dir_all(at(dir))?;
        }
        fs::write(at("usr/bin/pgbackrest"), PGBACKREST)?;
        fs::write(
            at("etc/logrotate.d/pgbackrest"),
            "/var/log/pgbackrest/*.log {\n}\n",
        )?;
        fs::write(at("DEBIAN/conffiles"), "/etc/logrotate.d/pgbackrest\n")?;
        fs::write(
            at("DEBIAN/control"),
            "Package: pgbackrest\nVersion: 2.45-1\nArchitecture: all\nMaintainer: nobody\nDescription: stand-in\n",
        )?;
        let file = self.built.path().join("pgbackrest.deb");
        run(Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Znone", "--build"])
            .arg(tree.path())
            .arg(&file))?
        .success()?;
        self.dpkg(&["--install", &file.to_string_lossy()])?
            .success()?;
        Ok(())
    }

    /// A path below the root.
    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// Builds the packages from the program of the tests; returns their directory.
    pub fn build(&self, revision: u32) -> Result<PathBuf> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        run(Command::new(top.join("scripts/package"))
            .arg(self.built.path())
            .env("BINARY", env!("CARGO_BIN_EXE_pgkeep"))
            .env("REVISION", revision.to_string())
            .env("COMPRESSION", "none"))?
        .success()?;
        Ok(self.built.path().to_owned())
    }

    /// Installs or upgrades to the newest `pgkeep` among the packages.
    pub fn install(&self, packages: &Path) -> Anyhow<()> {
        let newest = [2, 1]
            .into_iter()
            .filter_map(|revision| file_name("pgkeep", revision).ok())
            .map(|name| packages.join(name))
            .find(|path| path.exists())
            .ok_or("no package was built")?;
        self.dpkg(&["--install", &newest.to_string_lossy()])?
            .success()?;
        Ok(())
    }

    /// Runs dpkg on the root.
    pub fn dpkg(&self, arguments: &[&str]) -> Result<Outcome> {
        run(Command::new("dpkg")
            .arg(format!("--root={}", self.dir.path().display()))
            .args([
                "--force-script-chrootless",
                "--force-confold",
                "--no-triggers",
            ])
            .arg(format!("--log={}/dpkg.log", self.built.path().display()))
            .args(arguments)
            .env("LC_ALL", "C"))
    }

    /// What the database says about a package; an error if it says nothing.
    pub fn status(&self, package: &str) -> Result<String> {
        Ok(run(Command::new("dpkg-query")
            .arg(format!(
                "--admindir={}",
                self.path("var/lib/dpkg").display()
            ))
            .args(["--show", "--showformat=${Status} ${Version}", package]))?
        .success()?
        .stdout)
    }

    /// Every path below the root but the database's.
    pub fn tree(&self) -> Anyhow<BTreeSet<String>> {
        let listed = run(Command::new("find").arg(self.dir.path()).args([
            "-path",
            "*/var/lib/dpkg",
            "-prune",
            "-o",
            "-type",
            "f",
            "-print",
            "-o",
            "-type",
            "l",
            "-print",
        ]))?
        .success()?;
        Ok(listed.stdout.lines().map(str::to_owned).collect())
    }
}

/// Name of the file of a package.
pub fn file_name(package: &str, revision: u32) -> Result<String> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!(
        "{package}_{version}-{revision}_{}.deb",
        architecture()?
    ))
}

fn architecture() -> Result<String> {
    let said = run(Command::new("dpkg").arg("--print-architecture"))?.success()?;
    Ok(said.stdout.trim().to_owned())
}
