//! Apache Kafka: one node that is broker and controller, on loopback.
//!
//! Facts: `MILLSTREAM_KAFKA` (the address for clients), `MILLSTREAM_KAFKA_JARS` (the folder of the server's files) and
//! `MILLSTREAM_KAFKA_CONF` (its settings): with these a test that must stop or kill a broker starts one of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::services::processes::Running;
use crate::services::{Service, loopback};

const VERSION: &str = "4.4.0";
/// Without it the server logs nothing, and nobody knows when it is ready.
const LOGGING: &str = "2.25.5";
const JARS: &str = "jars";
/// A name for the cluster, in the form that Kafka has for them.
const CLUSTER: &str = "bWlsbHN0cmVhbS10ZXN0cw";

/// See the module.
pub(crate) struct Kafka;

impl Service for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn version(&self) -> Result<String> {
        Ok(VERSION.to_owned())
    }

    fn fetch(&self, into: &Path) -> Result<()> {
        let (project, downloads) = (into.join("pom.xml"), into.join("downloads"));
        fs::write(&project, wanted()).with_context(|| format!("cannot write {}", project.display()))?;
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-q", "-f"]).arg(&project);
        maven.arg(format!("-Dmaven.repo.local={}", downloads.display()));
        maven.arg("dependency:copy-dependencies").arg("-DincludeScope=runtime");
        maven.arg(format!("-DoutputDirectory={}", into.join(JARS).display()));
        run(&mut maven)?;
        fs::remove_dir_all(&downloads).with_context(|| format!("cannot remove {}", downloads.display()))
    }

    fn start(&self, fetched: &Path, running: &mut Running) -> Result<()> {
        let folder = &running.folder.clone();
        let [clients, controller] = loopback::free_ports()?;
        let (conf, logging) = (folder.join("server.properties"), folder.join("log4j2.properties"));
        fs::write(&conf, settings(folder, clients, controller)).context("cannot write the settings")?;
        fs::write(&logging, LOG_SETTINGS).context("cannot write the settings of the log")?;
        let java = |class: &str| {
            let mut java = Command::new("java");
            java.args(["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
            java.arg("-Djava.net.preferIPv4Stack=true");
            java.arg(format!("-Djava.io.tmpdir={}", folder.display()));
            java.arg(format!("-Dlog4j2.configurationFile=file:{}", logging.display()));
            java.arg("-cp").arg(fetched.join(JARS).join("*")).arg(class);
            java
        };
        let mut format = java("kafka.tools.StorageTool");
        run(format.args(["format", "-t", CLUSTER, "-c"]).arg(&conf).stdout(Stdio::null()))?;
        let mut server = java("kafka.Kafka");
        running.spawn("kafka", server.arg(&conf))?;
        // An open port comes earlier than the broker's being ready.
        let log = folder.join("kafka.log");
        let is_ready = || fs::read_to_string(&log).is_ok_and(|text| text.contains("Kafka Server started"));
        running.wait_for("Kafka", is_ready)?;
        for (fact, value) in [
            ("", format!("127.0.0.1:{clients}")),
            ("_JARS", fetched.join(JARS).display().to_string()),
            ("_CONF", conf.display().to_string()),
        ] {
            running.facts.insert(format!("MILLSTREAM_KAFKA{fact}"), value);
        }
        Ok(())
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}, see above");
    Ok(())
}

/// What Maven is to fetch, as it reads it.
fn wanted() -> String {
    let dependency = |group: &str, name: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
        )
    };
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>millstream</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{}{}</dependencies></project>\n",
        dependency("org.apache.kafka", "kafka_2.13", VERSION),
        dependency("org.apache.logging.log4j", "log4j-slf4j-impl", LOGGING)
    )
}

/// One node; few partitions for Kafka's own topics, of which the first use waits; no wait for others to join a group;
/// a dead broker that comes back is let in after a second.
fn settings(folder: &Path, clients: u16, controller: u16) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{clients}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={}/data
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=300
log.cleaner.dedupe.buffer.size=2097152
",
        folder.display()
    )
}

const LOG_SETTINGS: &str = "status=error
rootLogger.level=warn
rootLogger.appenderRef.c.ref=C
appender.c.type=Console
appender.c.name=C
appender.c.target=SYSTEM_ERR
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %c{1} %m%n
logger.ready.name=kafka.server.KafkaRaftServer
logger.ready.level=info
";

#[cfg(test)]
mod tests {
    use super::{LOGGING, VERSION, settings, wanted};

    #[test]
    fn maven_is_asked_for_the_pinned_versions() {
        let wanted = wanted();
        for version in [VERSION, LOGGING] {
            assert!(wanted.contains(&format!("<version>{version}</version>")), "{wanted}");
        }
    }

    #[test]
    fn nothing_listens_beyond_loopback() {
        let settings = settings("/run".as_ref(), 1, 2);
        let listeners = settings.lines().find_map(|line| line.strip_prefix("listeners="));
        assert!(listeners.is_some_and(|all| all.split(',').all(|one| one.contains("//127.0.0.1:"))));
    }
}
