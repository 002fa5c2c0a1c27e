//! S3: MinIO, built from its source by the Go client, on loopback.
//!
//! It is a program that tests start; nothing of it is linked or shipped.
//!
//! Facts: `MILLSTREAM_S3` (the address), `MILLSTREAM_S3_ACCESS_KEY`, `MILLSTREAM_S3_SECRET_KEY`, `MILLSTREAM_S3_SERVER` (the
//! program): with the last a test that must stop or kill a server starts one of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::services::processes::Running;
use crate::services::{Service, loopback};

const MODULE: &str = "github.com/minio/minio";
/// It has no versions but those that a commit gives it.
const VERSION: &str = "v0.0.0-20260212201848-7aac2a2c5b7c";
const ACCESS_KEY: &str = "millstream";
const SECRET_KEY: &str = "millstream-tests";

/// See the module.
pub(crate) struct S3;

impl Service for S3 {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn version(&self) -> Result<String> {
        Ok(VERSION.trim_start_matches("v0.0.0-").to_owned())
    }

    fn fetch(&self, into: &Path) -> Result<()> {
        let (sources, cache) = (into.join("sources"), into.join("cache"));
        let mut go = Command::new("go");
        go.args(["install", "-trimpath", "-ldflags", "-s -w"]).arg(format!("{MODULE}@{VERSION}"));
        go.env("GOBIN", into.join("bin")).env("GOPATH", &sources).env("GOCACHE", &cache);
        go.env("GOFLAGS", "-modcacherw -buildvcs=false").env("CGO_ENABLED", "0").current_dir(into);
        let status = go.stdin(Stdio::null()).status().context("cannot start go, which builds MinIO")?;
        ensure!(status.success(), "go install ended with {status}, see above");
        // Of more than 2 GB only the program is kept.
        for left in [sources, cache] {
            std::fs::remove_dir_all(&left).with_context(|| format!("cannot remove {}", left.display()))?;
        }
        Ok(())
    }

    fn start(&self, fetched: &Path, running: &mut Running) -> Result<()> {
        let [port] = loopback::free_ports()?;
        let program = fetched.join("bin/minio");
        let folder = running.folder.clone();
        let mut server = Command::new(&program);
        server.args(["server", "--quiet", "--address"]).arg(format!("127.0.0.1:{port}"));
        server.arg("--certs-dir").arg(folder.join("certs")).arg(folder.join("data"));
        server.env("MINIO_ROOT_USER", ACCESS_KEY).env("MINIO_ROOT_PASSWORD", SECRET_KEY).env("HOME", &folder);
        server.env("MINIO_BROWSER", "off").env("MINIO_UPDATE", "off").env("GOMEMLIMIT", "512MiB");
        running.spawn("s3", &server)?;
        let is_ready = || {
            let answer = loopback::get(port, "/minio/health/ready");
            answer.is_some_and(|answer| answer.lines().next().is_some_and(|line| line.contains("200OK")))
        };
        running.wait_for("S3", is_ready)?;
        for (fact, value) in [
            ("", format!("http://127.0.0.1:{port}")),
            ("_ACCESS_KEY", ACCESS_KEY.to_owned()),
            ("_SECRET_KEY", SECRET_KEY.to_owned()),
            ("_SERVER", program.display().to_string()),
        ] {
            running.facts.insert(format!("MILLSTREAM_S3{fact}"), value);
        }
        Ok(())
    }
}
