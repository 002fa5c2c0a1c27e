//! An S3 server of a test's own, to be stopped and killed; and buckets, which our client does not make.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_storage_tests::fact;
use tempfile::TempDir;

/// Asks a server with a client that is not ours.
pub(crate) fn curl(arguments: &[&str]) -> (String, Vec<u8>) {
    let keys = format!("{}:{}", fact("MILLSTREAM_S3_ACCESS_KEY"), fact("MILLSTREAM_S3_SECRET_KEY"));
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-w", "%{stderr}%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", &keys]);
    let output = curl.args(arguments).output().unwrap();
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.stdout)
}

/// Makes a bucket.
pub(crate) fn bucket(server: &str, name: &str) {
    let (status, answer) = curl(&["-X", "PUT", &format!("{server}/{name}")]);
    assert_eq!(status, "200", "{}", String::from_utf8_lossy(&answer));
}

pub(crate) struct OwnS3 {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl OwnS3 {
    /// One that runs, with a bucket.
    pub(crate) fn with_bucket(name: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder: tempfile::tempdir().unwrap(), port, process: None };
        server.start();
        bucket(&server.address(), name);
        server
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it, with the data that it had, and waits until it is ready.
    pub(crate) fn start(&mut self) {
        let mut server = Command::new(fact("MILLSTREAM_S3_SERVER"));
        server.args(["server", "--quiet", "--address", &format!("127.0.0.1:{}", self.port)]);
        server.arg("--certs-dir").arg(self.folder.path().join("certs")).arg(self.folder.path().join("data"));
        server.env("MINIO_ROOT_USER", fact("MILLSTREAM_S3_ACCESS_KEY"));
        server.env("MINIO_ROOT_PASSWORD", fact("MILLSTREAM_S3_SECRET_KEY"));
        server.env("HOME", self.folder.path()).env("MINIO_BROWSER", "off").env("MINIO_UPDATE", "off");
        let log = File::create(self.folder.path().join("log")).unwrap();
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(server.spawn().unwrap());
        let (begun, ready) = (Instant::now(), format!("{}/minio/health/ready", self.address()));
        while curl(&["--max-time", "2", &ready]).0 != "200" {
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(120), "{}", log());
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for OwnS3 {
    fn drop(&mut self) {
        self.kill();
    }
}
