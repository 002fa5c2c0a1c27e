//! The town's object store: a real server on a machine of its own, behind a door that can be slow, refuse, lose answers, and
//! be shut.
//!
//! Answers for starting them, for killing the server and starting it again with what it had, and for what a process needs to
//! know to ask it. Holds: both end with the value.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The bucket.
const BUCKET: &str = "town";
const KEY: &str = "chaos-key";
const SECRET: &str = "chaos-secret";

/// Makes a command that runs on the store's machine.
type OnMachine = Box<dyn Fn(&str) -> Command>;

pub(crate) struct Store {
    folder: PathBuf,
    on_machine: OnMachine,
    /// Of the door, and of the server behind it.
    address: String,
    behind: String,
    server: Child,
    door: Child,
}

/// The program of the server: the suite fetches it.
fn server_program() -> String {
    std::env::var("MILLSTREAM_S3_SERVER").unwrap_or_else(|_| {
        panic!(
            "MILLSTREAM_S3_SERVER is not set: run these tests by `cargo xtask test --only chaos`, which has the server"
        )
    })
}

impl Store {
    pub(crate) fn open(
        folder: &Path,
        host: &str,
        ports: [u16; 2],
        on_machine: impl Fn(&str) -> Command + 'static,
    ) -> Self {
        let (address, behind) = (format!("{host}:{}", ports[0]), format!("127.0.0.1:{}", ports[1]));
        let server = serve(folder, &on_machine, &behind);
        let mut door = on_machine(env!("CARGO_BIN_EXE_door"));
        let door = door.args([&address, &behind]).stdin(Stdio::piped()).spawn().unwrap();
        let on_machine = Box::new(on_machine);
        let store = Self { folder: folder.to_owned(), on_machine, address, behind, server, door };
        let begun = Instant::now();
        while !store.made_bucket() {
            assert!(begun.elapsed() < Duration::from_secs(120), "the store does not come up: see its log");
            std::thread::sleep(Duration::from_millis(100));
        }
        store
    }

    fn made_bucket(&self) -> bool {
        let mut curl = (self.on_machine)("curl");
        curl.args(["-s", "--max-time", "5", "--aws-sigv4", "aws:amz:us-east-1:s3", "-o", "/dev/null"]);
        curl.args(["--user", &format!("{KEY}:{SECRET}"), "-X", "PUT", "-w", "%{http_code}"]);
        let output = curl.arg(format!("http://{}/{BUCKET}", self.address)).output().unwrap();
        output.stdout == b"200"
    }

    /// Of something in the bucket.
    pub(crate) fn location(name: &str) -> String {
        format!("s3://{BUCKET}/{name}")
    }

    /// Lets a process know of the store.
    pub(crate) fn environment(&self, command: &mut Command) {
        // Those of another store, which the tests were started with, would hold against these.
        ["MILLSTREAM_S3_ACCESS_KEY", "MILLSTREAM_S3_SECRET_KEY"].iter().for_each(|name| {
            command.env_remove(name);
        });
        command.env("AWS_ENDPOINT_URL", format!("http://{}", self.address)).env("AWS_ALLOW_HTTP", "true");
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    }

    /// What the door does from now on.
    pub(crate) fn order(&mut self, order: &str) {
        let input = self.door.stdin.as_mut().unwrap();
        input.write_all(format!("{order}\n").as_bytes()).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        // Gone already is as well.
        let _gone = self.server.kill();
        let _gone = self.server.wait();
    }

    pub(crate) fn start_again(&mut self) {
        self.server = serve(&self.folder, &self.on_machine, &self.behind);
    }
}

fn serve(folder: &Path, on_machine: impl Fn(&str) -> Command, at: &str) -> Child {
    let mut server = on_machine(&server_program());
    server.args(["server", "--quiet", "--address", at]);
    server.arg("--certs-dir").arg(folder.join("certs")).arg(folder.join("data"));
    server.env("MINIO_ROOT_USER", KEY).env("MINIO_ROOT_PASSWORD", SECRET).env("GOMEMLIMIT", "512MiB");
    server.env("HOME", folder).env("MINIO_BROWSER", "off").env("MINIO_UPDATE", "off");
    let log = File::options().create(true).append(true).open(folder.join("store.log")).unwrap();
    server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

impl Drop for Store {
    fn drop(&mut self) {
        self.kill();
        let _gone = self.door.kill();
        let _gone = self.door.wait();
    }
}
