//! The tests of the Kafka connector, and its measurement beside Flink, with servers that are fetched and started for them.
//!
//! Answers for the servers' addresses being in the environment. Not for what is tested (`tests/kafka`).
//! Holds: a broker that cannot be had fails the suite.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::project::Project;
use crate::services;

/// The package with the tests, which nothing but this stage runs.
pub(crate) const PACKAGE: &str = "millstream-kafka-tests";

/// Flink's connector, with the Kafka client in it; the newest there is.
const CONNECTOR: &str = "flink-sql-connector-kafka";
const CONNECTOR_VERSION: &str = "5.0.0-2.2";

/// Runs the tests.
pub(crate) fn run(project: &Project) -> Result<()> {
    let broker = services::start("kafka", services::Life::Tied)?;
    let facts: Vec<(&str, &str)> = broker.facts.iter().map(|(name, value)| (&**name, &**value)).collect();
    project.cargo(&["test", "-p", PACKAGE, "--no-fail-fast"], &facts)?;
    // The benchmark's workloads, small: every contender finds what librdkafka by itself finds.
    let short = ["run", "-p", "millstream-bench", "--features", "kafka", "--", "--short", "--only", "kafka"];
    project.cargo(&short, &facts)
}

/// Measures a job from Kafka to Kafka beside librdkafka alone and beside the same job on Flink, all over one broker.
pub(crate) fn bench(project: &Project, arguments: &[String]) -> Result<()> {
    let (broker, cluster) =
        (services::start("kafka", services::Life::Tied)?, services::start("flink", services::Life::Tied)?);
    let jars = flink_job(project, &cluster.facts["MILLSTREAM_FLINK_HOME"])?;
    let mut bench = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    bench.args(["run", "--release", "-p", "millstream-bench", "--features", "kafka", "--"]);
    bench.args(["--only", "kafka to kafka"]).args(arguments);
    bench.envs(&broker.facts).envs(&cluster.facts).env("MILLSTREAM_FLINK_JARS", jars);
    project.run(&mut bench)
}

/// The job of `bench/flink` as a jar, and Flink's connector, separated by a comma.
fn flink_job(project: &Project, home: &str) -> Result<OsString> {
    let at = project.target().join("flink-job");
    let (connector, classes, job) =
        (at.join(format!("{CONNECTOR}-{CONNECTOR_VERSION}.jar")), at.join("classes"), at.join("job.jar"));
    fs::create_dir_all(&classes).with_context(|| format!("cannot make {}", classes.display()))?;
    if !connector.exists() {
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-q", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"]);
        maven.arg(format!("-Dartifact=org.apache.flink:{CONNECTOR}:{CONNECTOR_VERSION}"));
        maven.arg(format!("-DoutputDirectory={}", at.display()));
        project.run(&mut maven)?;
    }
    let mut compiler = Command::new("javac");
    compiler.arg("-d").arg(&classes).arg("-cp").arg(format!("{home}/lib/*:{}", connector.display()));
    project.run(compiler.arg("bench/flink/KafkaCount.java"))?;
    project.run(Command::new("jar").arg("-cf").arg(&job).arg("-C").arg(&classes).arg("."))?;
    let mut jars = job.into_os_string();
    jars.push(",");
    jars.push(connector);
    Ok(jars)
}
