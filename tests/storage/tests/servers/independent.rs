//! Reading and writing with clients that are not ours: curl for S3, Hadoop's own shell for HDFS.

use std::path::Path;
use std::process::Command;

use millstream_storage_tests::fact;

use crate::own_s3::curl;

/// Bucket and path of an S3 location.
fn parts(location: &str) -> (&str, &str) {
    location.strip_prefix("s3://").unwrap().split_once('/').unwrap()
}

pub(crate) fn put_s3(server: &str, location: &str, bytes: &str) {
    let (bucket, path) = parts(location);
    let url = format!("{server}/{bucket}/{path}");
    // This curl signs a body otherwise than the server does.
    let unsigned = "x-amz-content-sha256: UNSIGNED-PAYLOAD";
    let (status, answer) = curl(&["-X", "PUT", "-H", unsigned, "--data-binary", bytes, &url]);
    assert_eq!(status, "200", "{}", String::from_utf8_lossy(&answer));
}

/// The names of all files below a location, hidden ones too.
pub(crate) fn names_s3(server: &str, location: &str) -> Vec<String> {
    let (bucket, path) = parts(location);
    let url = format!("{server}/{bucket}?list-type=2&prefix={}", path.replace('/', "%2F"));
    let (status, answer) = curl(&[&url]);
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(status, "200", "{answer}");
    assert!(answer.contains("<IsTruncated>false"), "more than a page: {answer}");
    let keys = answer.split("<Key>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned());
    keys.filter(|key| key.starts_with(&format!("{path}/"))).collect()
}

fn is_shown(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|file| !file.starts_with(['.', '_']))
}

/// The lines of all files below a location that a reader sees.
pub(crate) fn lines_s3(server: &str, location: &str) -> Vec<String> {
    let (bucket, _) = parts(location);
    let names = names_s3(server, location).into_iter().filter(|name| is_shown(name));
    let texts = names.map(|name| {
        let (status, text) = curl(&[&format!("{server}/{bucket}/{name}")]);
        assert_eq!(status, "200");
        String::from_utf8(text).unwrap()
    });
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Runs Hadoop's own shell; gives what it prints.
pub(crate) fn hadoop(conf: &Path, arguments: &[&str]) -> String {
    let mut java = Command::new("java");
    java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
    java.arg(format!("{}:{}", conf.display(), fact("MILLSTREAM_HDFS_JARS")));
    let output = java.arg("org.apache.hadoop.fs.FsShell").args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || error.contains("No such file"), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The settings of the shared HDFS.
pub(crate) fn shared_conf() -> std::path::PathBuf {
    Path::new(&fact("MILLSTREAM_HDFS_CONF")).join("nn")
}

/// The lines of all files of a folder that a reader sees.
pub(crate) fn lines_hdfs(conf: &Path, location: &str) -> Vec<String> {
    hadoop(conf, &["-cat", &format!("{location}/part-*")]).lines().map(str::to_owned).collect()
}
