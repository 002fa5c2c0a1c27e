"""Which cluster a program's jobs are for.

Answers for what the command line said (`millstream run --master`) and for the settings that say the same. Not for reaching
the cluster. Holds: what the program itself sets holds against the command line.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, Optional

#: How the address of a cluster begins where a program names it.
SCHEME = "millstream://"
MASTER, DETACHED = "millstream.master", "millstream.detached"
TOKEN_FILE, TLS = "millstream.token-file", "millstream.tls"
#: Whether jobs end with the program. The name is Flink's.
TIED = "execution.shutdown-on-attached-exit"


class Target(NamedTuple):
    """A cluster, and whether its jobs are waited for."""

    #: HOST:PORT of the REST interface of its job manager.
    master: str
    token_file: Optional[str]
    #: The folder of the certificates that it is shown.
    tls: Optional[str]
    is_detached: bool
    #: Whether a job ends when the program does, however that comes.
    is_tied: bool = False


#: What the command line said.
commanded: Optional[Target] = None


def command(target: Target) -> None:
    """The command line named a cluster."""
    global commanded
    commanded = target


def of(settings: Any) -> Optional[Target]:
    """The cluster that the jobs of an environment are for; `None` if they run in this process.

    >>> from millstream.flink.common import Configuration
    >>> settings = Configuration().set_string("millstream.master", "10.0.0.7:7070")
    >>> of(settings), of(Configuration())
    (Target(master='10.0.0.7:7070', token_file=None, tls=None, is_detached=False, is_tied=False), None)
    """
    master = settings.get_string(MASTER, commanded.master if commanded else "")
    if not master:
        return None
    token_file = settings.get_string(TOKEN_FILE, (commanded.token_file if commanded else None) or "")
    tls = settings.get_string(TLS, (commanded.tls if commanded else None) or "")
    default = "true" if commanded and commanded.is_detached else "false"
    is_detached = _flag(settings, DETACHED, default)
    return Target(master, token_file or None, tls or None, is_detached, _flag(settings, TIED, "false"))


def _flag(settings: Any, name: str, default: str) -> bool:
    given = str(settings.get_string(name, default)).strip().lower()
    if given not in ("true", "false"):
        raise ValueError(f"the setting {name} is true or false, {given!r} was given")
    return given == "true"


def of_spark(master: Optional[str], settings: Any) -> Optional[Target]:
    """The cluster that a `SparkContext` is for, where `master` is what its program says; `None` if there is none.

    >>> of_spark("millstream://10.0.0.7:7070", {})
    Target(master='10.0.0.7:7070', token_file=None, tls=None, is_detached=False, is_tied=True)
    >>> of_spark("local[2]", {})
    """
    if commanded is not None and commanded.is_detached:
        raise NotImplementedError(
            "a program of millstream.spark directs its job itself, from where it was started: it cannot be left alone "
            "with --detach; run it without, in the background or by a service of the system"
        )
    if master is None and commanded is not None:
        address = commanded.master.removeprefix(SCHEME)
    elif master is not None and master.startswith(SCHEME):
        address = master[len(SCHEME) :]
    else:
        if commanded is not None:
            sys.stderr.write(
                f"the program sets the master {master!r} itself, which holds against --master {commanded.master}: it runs "
                "in this process\n"
            )
        return None
    token_file = settings.get(TOKEN_FILE) or (commanded.token_file if commanded else None)
    tls = settings.get(TLS) or (commanded.tls if commanded else None)
    return Target(address, token_file, tls, False, True)
