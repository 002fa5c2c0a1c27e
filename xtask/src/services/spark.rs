//! Apache Spark: a standalone cluster of one master and one worker, on loopback.
//!
//! Facts: `MILLSTREAM_SPARK_MASTER` (`spark://...`), `MILLSTREAM_SPARK_PAGE` (the master's web page),
//! `MILLSTREAM_SPARK_WORKER` (the worker's own address), `MILLSTREAM_SPARK_CONF` (a folder of settings for a client),
//! `MILLSTREAM_SPARK_PYTHON` (the interpreter of the tasks).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::services::processes::Running;
use crate::services::{Service, loopback, packages};

const VERSION: &str = "4.3.0";
const CORES: u32 = 2;

/// See the module.
pub(crate) struct Spark;

impl Service for Spark {
    fn name(&self) -> &'static str {
        "spark"
    }

    fn version(&self) -> Result<String> {
        packages::version(VERSION)
    }

    fn fetch(&self, into: &Path) -> Result<()> {
        packages::install(&format!("pyspark=={VERSION}"), into)
    }

    fn start(&self, fetched: &Path, running: &mut Running) -> Result<()> {
        let run = &running.folder.clone();
        let home = packages::package(fetched, "pyspark");
        let [port, page, worker] = loopback::free_ports()?;
        for folder in ["conf", "work", "local"] {
            fs::create_dir(run.join(folder)).context("cannot make a folder for the run")?;
        }
        let python = packages::interpreter(fetched, &run.join("python"))?;
        let conf = run.join("conf/spark-defaults.conf");
        fs::write(&conf, settings(run)).with_context(|| format!("cannot write {}", conf.display()))?;
        let master = format!("spark://127.0.0.1:{port}");
        let of = |class: &str, port: u16, page: u16| {
            let mut command = Command::new(home.join("bin/spark-class"));
            command.arg(format!("org.apache.spark.deploy.{class}"));
            command.args([
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--webui-port",
                &page.to_string(),
            ]);
            command.arg("--properties-file").arg(&conf);
            command.env("SPARK_HOME", &home).env("SPARK_CONF_DIR", run.join("conf"));
            // Keeps every port on loopback.
            command.env("SPARK_LOCAL_IP", "127.0.0.1").env("SPARK_PUBLIC_DNS", "127.0.0.1");
            command.env("SPARK_DAEMON_MEMORY", "256m").env("SPARK_DAEMON_JAVA_OPTS", "-XX:+UseSerialGC");
            command.env("SPARK_LOCAL_DIRS", run.join("local"));
            for other in ["HADOOP_CONF_DIR", "YARN_CONF_DIR", "PYTHONPATH"] {
                command.env_remove(other);
            }
            command
        };
        running.spawn("master", &of("master.Master", port, page))?;
        let alive = |told: String| told.contains("\"status\":\"ALIVE\"");
        running.wait_for("the master", || loopback::get(page, "/json/").is_some_and(alive))?;
        let mut joining = of("worker.Worker", worker, 0);
        joining
            .args(["--cores", &CORES.to_string(), "--memory", "1g", "--work-dir"])
            .arg(run.join("work"))
            .arg(&master);
        running.spawn("worker", &joining)?;
        let joined = |told: String| told.contains("\"aliveworkers\":1");
        running.wait_for("a worker", || loopback::get(page, "/json/").is_some_and(joined))?;
        for (fact, value) in [
            ("MASTER", master),
            ("PAGE", format!("http://127.0.0.1:{page}")),
            ("WORKER", format!("127.0.0.1:{worker}")),
            ("CONF", run.join("conf").display().to_string()),
            ("PYTHON", python.display().to_string()),
        ] {
            running.facts.insert(format!("MILLSTREAM_SPARK_{fact}"), value);
        }
        Ok(())
    }
}

/// For the cluster and its clients: little memory, loopback only, any port for a driver's page.
fn settings(run: &Path) -> String {
    format!(
        "spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 512m
spark.driver.extraJavaOptions -XX:+UseSerialGC -XX:TieredStopAtLevel=1
spark.executor.memory 512m
spark.executor.cores 2
spark.executor.extraJavaOptions -XX:+UseSerialGC -XX:TieredStopAtLevel=1
spark.cores.max {CORES}
spark.ui.port 0
spark.master.rest.enabled false
spark.local.dir {0}/local
spark.sql.warehouse.dir file://{0}/warehouse
",
        run.display()
    )
}
