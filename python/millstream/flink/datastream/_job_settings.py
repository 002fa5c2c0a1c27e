"""The settings of a stream job, from what a program and its surroundings say.

The names of the settings are Flink's. What a program sets by a call holds against the same set by name.

Answers for reading them and for refusing what cannot be. Not for what they do.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from millstream.flink._notices import without_effect
from millstream.flink.datastream.checkpointing_mode import CheckpointingMode

CHECKPOINTS = ("execution.checkpointing.dir", "state.checkpoints.dir")
INTERVAL = "execution.checkpointing.interval"
RESTORE = ("execution.state-recovery.path", "execution.savepoint.path")
LEAVE = ("execution.state-recovery.ignore-unclaimed-state", "execution.savepoint.ignore-unclaimed-state")
COMPRESSION = "taskmanager.network.compression.codec"
STRATEGY = ("restart-strategy.type", "restart-strategy")

PROGRESS = "millstream.progress"

#: How long functions may take to end when a job does, in milliseconds.
CANCEL_TIMEOUT = 3_000

_UNITS = {"ms": 1, "": 1, "s": 1000, "sec": 1000, "min": 60_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Settings(NamedTuple):
    """What the native half reads."""

    name: str
    parallelism: int
    max_parallelism: int
    is_batch: bool
    #: Folder, interval, timeout, pause, failures borne, kept, exactly once, restored from, whether state may
    #: be left.
    checkpoints: Optional[Tuple[str, int, int, int, int, int, bool, str, bool]]
    #: Strategy, three numbers, factor.
    restart: Tuple[str, int, int, int, float]
    cancel_timeout: int
    #: Of records between processes: `none` or `lz4`.
    compression: str


def span(text: Any, name: str) -> int:
    """A span of time in milliseconds.

    >>> span("10 s", "x"), span("250ms", "x"), span("1 min", "x"), span(5, "x")
    (10000, 250, 60000, 5)
    >>> span("soon", "restart-strategy.fixed-delay.delay")
    Traceback (most recent call last):
    ...
    ValueError: the setting restart-strategy.fixed-delay.delay is a span of time such as `10 s`, 'soon' was given
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(text).lower())
    unit = found and (_UNITS.get(found[2]) or _UNITS.get(found[2].rstrip("s")))
    if not found or not unit:
        raise ValueError(f"the setting {name} is a span of time such as `10 s`, {text!r} was given")
    return int(float(found[1]) * unit)


def checkpoints(given: Any, config: Any) -> None:
    """What settings say about checkpoints, into a `CheckpointConfig`."""
    for name, method in (
        (INTERVAL, config.set_checkpoint_interval),
        ("execution.checkpointing.timeout", config.set_checkpoint_timeout),
        ("execution.checkpointing.min-pause", config.set_min_pause_between_checkpoints),
    ):
        if given.contains_key(name):
            method(span(given.get_string(name, ""), name))
    tolerable = "execution.checkpointing.tolerable-failed-checkpoints"
    if given.contains_key(tolerable):
        config.set_tolerable_checkpoint_failure_number(given.get_integer(tolerable, 0))
    name = "execution.checkpointing.mode"
    if given.contains_key(name):
        mode = given.get_string(name, "").upper().replace("-", "_")
        if mode not in CheckpointingMode.__members__:
            raise ValueError(f"the setting {name} is EXACTLY_ONCE or AT_LEAST_ONCE, not {mode!r}")
        config.set_checkpointing_mode(CheckpointingMode[mode])


#: What the names of Flink's own settings begin with, where they are about what is not here.
_NOT_HERE = {
    "pipeline.jars": "there is no JVM; connectors are built in",
    "pipeline.classpaths": "there is no JVM; connectors are built in",
    "env.": "there is no JVM",
    "jobmanager.": "the job runs in this process",
    "taskmanager.": "the job runs in this process and its workers",
    "state.backend.": "state is kept in memory",
    "python.fn-execution.": "records go to workers as soon as they are there",
    "python.execution-mode": "functions run in this process, and in workers above parallelism 1",
}


def without_meaning(given: Any) -> None:
    """Says once of each setting that it does nothing, if that is so."""
    for key in sorted(given.key_set()):
        for name, why in _NOT_HERE.items():
            if key.startswith(name) and key != COMPRESSION:
                without_effect(f"the setting {key}", why)


def first(settings: Any, names: Tuple[str, ...]) -> Optional[str]:
    """The first of several names that is set."""
    for name in names:
        if settings.contains_key(name):
            return settings.get_string(name, "")
    return None


def local_folder(path: str, name: str) -> str:
    """The path of a local folder, from a path or a `file:` address."""
    if path.startswith("file:"):
        from urllib.parse import unquote, urlparse

        return unquote(urlparse(path).path)
    if "://" in path:
        raise ValueError(f"the setting {name} is a local folder for now, {path!r} was given")
    return os.path.abspath(path)


def folder_anywhere(path: str, name: str) -> str:
    """The path of a folder of this machine, or a location in S3 or HDFS as it is."""
    if path.startswith(("hdfs://", "s3://", "s3a://", "s3n://")):
        return path.rstrip("/")
    if "://" in path and not path.startswith("file:"):
        raise ValueError(f"the {name} is a folder, hdfs://HOST:PORT/PATH or s3://BUCKET/PATH, {path!r} was given")
    return local_folder(path, name)


def checkpoint_folder(settings: Any) -> Optional[str]:
    """Where checkpoints go, if anybody said."""
    path = first(settings, CHECKPOINTS)
    return None if path is None else folder_anywhere(path, f"setting {CHECKPOINTS[0]}")


def restored_from(settings: Any) -> str:
    """The checkpoint to begin with: `latest`, a name, or nothing. `MILLSTREAM_RESTORE` holds against the
    setting."""
    given = os.environ.get("MILLSTREAM_RESTORE") or first(settings, RESTORE) or ""
    return os.path.basename(given.rstrip("/")) if "/" in given else given


def restart_strategy(settings: Any, has_checkpoints: bool) -> Tuple[str, int, int, int, float]:
    """What happens after a failure. With checkpoints, a job that says nothing else is begun again, unless it
    failed more than three times in five minutes; without, it fails."""
    kind = (first(settings, STRATEGY) or "").strip().lower().replace("_", "-").replace("delayed", "delay")

    def number(name: str, default: int) -> int:
        return settings.get_integer(f"restart-strategy.{name}", default)

    def time(name: str, default: str) -> int:
        full = f"restart-strategy.{name}"
        return span(settings.get_string(full, default), full)

    if kind in ("none", "off", "disable", "disabled", "norestart", "no-restart"):
        return ("none", 0, 0, 0, 1.0)
    if kind in ("fixed-delay", "fixeddelay"):
        return ("fixed-delay", number("fixed-delay.attempts", 1), time("fixed-delay.delay", "1 s"), 0, 1.0)
    if kind in ("failure-rate", "failurerate"):
        return (
            "failure-rate",
            number("failure-rate.max-failures-per-interval", 1),
            time("failure-rate.failure-rate-interval", "1 min"),
            time("failure-rate.delay", "1 s"),
            1.0,
        )
    if kind in ("exponential-delay", "exponentialdelay"):
        return (
            "exponential-delay",
            time("exponential-delay.initial-backoff", "1 s"),
            time("exponential-delay.max-backoff", "1 min"),
            time("exponential-delay.reset-backoff-threshold", "1 h"),
            settings.get_float("restart-strategy.exponential-delay.backoff-multiplier", 1.5),
        )
    if not kind:
        return ("failure-rate", 3, 300_000, 1_000, 1.0) if has_checkpoints else ("none", 0, 0, 0, 1.0)
    raise ValueError(
        "the setting restart-strategy.type is none, fixed-delay, failure-rate or exponential-delay, "
        f"{kind!r} was given"
    )


def known(settings: Any) -> Dict[str, str]:
    """The settings as parameters that functions may read."""
    return settings.to_dict()


def unclaimed(settings: Any) -> bool:
    """Whether state that no operator has may be left behind."""
    return (first(settings, LEAVE) or "false").strip().lower() == "true"


def compression(settings: Any) -> str:
    """How records between the processes of a cluster are compressed; not at all, unless somebody says so.

    >>> from millstream.flink.common.configuration import Configuration
    >>> compression(Configuration()), compression(Configuration().set_string(COMPRESSION, "LZ4"))
    ('none', 'lz4')
    >>> compression(Configuration().set_string(COMPRESSION, "ZSTD"))
    Traceback (most recent call last):
    ...
    ValueError: the setting taskmanager.network.compression.codec is NONE or LZ4, 'ZSTD' was given
    """
    given = settings.get_string(COMPRESSION, "none").strip()
    if given.lower() not in ("none", "lz4"):
        raise ValueError(f"the setting {COMPRESSION} is NONE or LZ4, {given!r} was given")
    return str(given.lower())


def progress_is_shown(settings: Any) -> bool:
    """Whether a job that is waited for shows how far it is, where somebody looks."""
    given = settings.get_string(PROGRESS, "true").strip().lower()
    if given not in ("true", "false"):
        raise ValueError(f"the setting {PROGRESS} is true or false, {given!r} was given")
    return bool(given == "true")


def python_files(settings: Any) -> List[str]:
    """Folders and archives that modules are found in."""
    given = settings.get_string("python.files", "")
    return [part for part in given.split(",") if part]
