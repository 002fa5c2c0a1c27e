"""Hands a program to a Flink session cluster or a Spark standalone cluster, through the peer's own client.

    millstream run --engine flink --master host:8081 job.py
    millstream run --engine spark --master spark://host:7077 job.py

The program may import `millstream.flink` or `pyflink`, `millstream.spark` or `pyspark`. It is read here,
translated to the peer's names, and run by the peer's client; nothing of Millstream runs on the cluster.

Answers for everything that can be known before being checked before anything is submitted, in the order in
which a user would want to hear of it: the file, the client, the cluster, the program's names.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from millstream.handover.refusal import EXIT, Refused

if TYPE_CHECKING:
    from millstream.handover.client import Peer
    from millstream.handover.flink_rest import Cluster
    from millstream.handover.launcher import Screen
    from millstream.handover.spark_master import Master

__all__ = ["main"]


def main(engine: str, master: str, script: str, args: List[str]) -> int:
    """Runs a program on a cluster and waits for it; the exit code.

    `engine` is `flink` or `spark`; `master` is `host:8081` (the REST address of a Flink session cluster) or
    `spark://host:7077` (a standalone master). What the program and its tasks print goes to standard output,
    all else to standard error. The code is the program's own, 1 if its job failed, 128 and the signal's
    number if a signal cancelled it, and 2 if it was not handed over: then nothing was submitted.
    """
    try:
        return _hand_over(engine, master, script, args)
    except Refused as why:
        print(f"error: {why}", file=sys.stderr)
        return EXIT
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _hand_over(engine: str, master: str, script: str, args: List[str]) -> int:
    from millstream.handover import client, flink_rest, spark_master

    peer = client.peer(engine)
    path = os.path.abspath(script)
    source = _read(script)
    version = client.version(peer)
    client.java(peer)
    told: Dict[str, Any] = {
        "engine": engine,
        "script": path,
        "given": script,
        "arguments": args,
        "version": version,
    }
    if engine == "flink":
        cluster = flink_rest.find(master, version)
        told["pending"] = _check(source, path, peer, version)
        return _on_flink(cluster, told)
    found = spark_master.find(master)
    told["pending"] = _check(source, path, peer, version)
    told["master"] = found.url
    return _on_spark(found, version, told)


def _read(script: str) -> str:
    try:
        with open(script, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        raise Refused(f"there is no file {script} (the current folder is {os.getcwd()})") from None
    except IsADirectoryError:
        raise Refused(f"{script} is a folder: give the file of a Python program") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{script} is no Python program: byte {error.start} is not UTF-8") from None
    except OSError as error:
        raise Refused(f"{script} cannot be read: {error.strerror}") from None


def _check(source: str, path: str, peer: Peer, version: str) -> List[str]:
    """Refuses a program with names that the peer has not; the names that only the driver can resolve."""
    from millstream.handover import siblings
    from millstream.handover.translation import translate

    try:
        first = translate(source, path, peer, version)
        every = [
            first,
            *(found for _, found in siblings.translations(os.path.dirname(path), first, peer, version)),
        ]
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise Refused(f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}\n    {line}") from None
    refusals = [text for one in every for text in one.refusals]
    if refusals:
        count = f"{len(refusals)} names" if len(refusals) > 1 else "a name"
        head = f"{peer.title} {version} lacks {count} that the program uses; nothing was submitted"
        raise Refused("\n".join([head, *refusals]))
    return sorted({name for one in every for name in one.pending})


def _on_flink(cluster: Cluster, told: Dict[str, Any]) -> int:
    from millstream.handover.flink import Flink
    from millstream.handover.launcher import Launcher, Screen

    screen = Screen()
    engine = Flink(cluster, screen)
    return _finished(screen, *engine.after(Launcher(engine, screen, {**told, **engine.told()}).run()))


def _on_spark(found: Master, version: str, told: Dict[str, Any]) -> int:
    from millstream.handover.launcher import Launcher, Screen
    from millstream.handover.spark import Spark

    screen = Screen()
    engine = Spark(found, os.path.basename(told["script"]), version, screen)
    return _finished(screen, *engine.after(Launcher(engine, screen, told).run()))


def _finished(screen: Screen, code: int, text: Optional[str]) -> int:
    screen.progress("")
    if text:
        screen.write(2, f"{text}\n".encode("utf-8", "replace"))
    return code
