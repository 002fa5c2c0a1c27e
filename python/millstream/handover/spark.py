"""A program on a Spark standalone cluster: the client's command, its application, what becomes of it.

The driver runs on this side, so the program's exit code is the truth; the master lists as finished whatever
has gone.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, List, Optional, Tuple

from millstream.handover import failure
from millstream.handover.client import SPARK, home
from millstream.handover.launcher import Ended, Screen
from millstream.handover.spark_master import Master
from millstream.handover.task_output import SparkOutput


class Spark:
    """One program on one cluster."""

    grace = 0.0

    def __init__(self, master: Master, name: str, version: str, screen: Screen) -> None:
        self.master = master
        self.name = name
        self.version = version
        self.screen = screen
        self.output = SparkOutput(screen.write)
        self.applications: List[str] = []

    def command(self, launched: str) -> Tuple[List[str], Dict[str, str]]:
        """`spark-submit` of the installed client."""
        spark = home(SPARK)
        arguments = [
            os.path.join(spark, "bin", "spark-submit"),
            "--master",
            self.master.url,
            "--name",
            self.name,
        ]
        arguments += ["--conf", "spark.ui.showConsoleProgress=false", launched]
        return arguments, {"SPARK_HOME": spark, "PYSPARK_DRIVER_PYTHON": sys.executable}

    def heard(self, fact: Dict[str, Any]) -> None:
        """What the driver tells of its application."""
        if fact["what"] == "application":
            self.applications.append(fact["id"])
            where = f"on Spark {self.version} at {self.master.url}"
            self.screen.note(f"{where}: application {fact['id']}, {fact['name']}")
        elif fact["what"] == "executor":
            self.output.add(fact["log"])
        elif fact["what"] == "stages":
            stages = [f"stage {stage}: {done} of {every} tasks" for stage, done, every in fact["running"]]
            self.screen.progress(", ".join(stages))

    def said(self, line: str) -> None:
        """The client says nothing that is needed."""

    def look(self) -> None:
        """Passes on what tasks print."""
        self.output.fetch()
        if self.output.silent is not None:
            self.screen.note(self.output.silent)
            self.output.silent = None

    def cancel(self) -> None:
        """Nothing is asked of the cluster: with the program goes its application."""

    def after(self, ended: Ended) -> Tuple[int, Optional[str]]:
        """The exit code, and what is to be said of a failure, once the client has ended."""
        if ended.signal is not None:
            gone = (
                f"application {', '.join(self.applications)} has ended"
                if self.applications
                else "nothing was begun"
            )
            self.screen.note(gone)
            return 128 + ended.signal, None
        if ended.code is None:
            log = "\n".join(ended.log)
            return 1, f"Spark's client ended with {ended.client} before the program did:\n{log}"
        return ended.code, failure.of_driver(ended.failure, ended.place) if ended.failure else None
