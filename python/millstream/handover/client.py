"""What of the peers is installed here: their Python clients and a Java.

Answers for whether a client can be used, and for saying what to install if not. Not for the clusters.
Holds: nothing of a peer is imported before its version is known to fit.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from typing import NamedTuple, Optional

from millstream.handover.refusal import Refused


class Peer(NamedTuple):
    """One of the systems that a program can be handed to."""

    #: As users write it after `--engine`; also the name of the extra.
    engine: str
    #: As it is called in a sentence.
    title: str
    #: The package that its users import, and ours in its place.
    theirs: str
    ours: str
    #: What pip installs.
    distribution: str
    #: The only major version whose names and whose client are known here.
    major: int
    #: The oldest Java that runs it.
    java: int


FLINK = Peer("flink", "Flink", "pyflink", "millstream.flink", "apache-flink", 2, 11)
SPARK = Peer("spark", "Spark", "pyspark", "millstream.spark", "pyspark", 4, 17)
PEERS = {peer.engine: peer for peer in (FLINK, SPARK)}


def peer(engine: str) -> Peer:
    """The peer of a name given by the user."""
    if engine not in PEERS:
        raise Refused(
            f"there is no engine `{engine}` to hand a program to: there are {', '.join(sorted(PEERS))}"
        )
    return PEERS[engine]


def version(of: Peer) -> str:
    """The version of the installed client. Refused if there is none, or one of another major version."""
    install = f"`pip install 'millstream[{of.engine}]'` installs it"
    if importlib.util.find_spec(of.theirs) is None:
        raise Refused(f"{of.title}'s client ({of.distribution}) is not installed in {sys.prefix}: {install}")
    try:
        found = importlib.metadata.version(of.distribution)
    except importlib.metadata.PackageNotFoundError:
        raise Refused(
            f"the package `{of.theirs}` in {sys.prefix} does not come from {of.distribution}: {install}"
        ) from None
    if int(found.split(".")[0]) != of.major:
        raise Refused(f"the installed {of.distribution} is {found}, but {of.major}.x is needed: {install}")
    return found


def home(of: Peer) -> str:
    """The folder of the installed client, which is also the peer's home folder."""
    spec = importlib.util.find_spec(of.theirs)
    if spec is None or spec.origin is None:
        raise Refused(f"{of.title}'s client has no folder of its own")
    return os.path.dirname(spec.origin)


def java(of: Peer) -> str:
    """The path of the Java that the client will use. Refused if there is none, or one that is too old."""
    java_home = os.environ.get("JAVA_HOME")
    program: Optional[str] = os.path.join(java_home, "bin", "java") if java_home else shutil.which("java")
    needed = f"{of.title}'s client runs on Java {of.java} or later"
    if program is None:
        raise Refused(f"there is no Java: {needed}; install one, or set JAVA_HOME to its folder")
    try:
        told = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30)
    except OSError as error:
        place = f"JAVA_HOME is {java_home}, but {program}" if java_home else program
        raise Refused(f"{place} cannot be started ({error.strerror}): {needed}") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"`{program} -version` has not ended within 30 s: {needed}") from None
    number = java_version(told.stderr + told.stdout)
    if told.returncode != 0 or number is None:
        raise Refused(f"`{program} -version` does not say a version: {needed}")
    if number < of.java:
        raise Refused(f"{program} is Java {number}: {needed}; set JAVA_HOME to the folder of another")
    return program


def java_version(told: str) -> Optional[int]:
    """The major version in what `java -version` says.

    >>> java_version('openjdk version "17.0.15" 2025-04-15'), java_version('java version "1.8.0_392"')
    (17, 8)
    """
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found.group(1)) if found else None
