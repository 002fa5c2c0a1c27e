"""How a failure of a handed-over program is shown: the user's traceback first, then where it happened.

Answers for finding what the user needs in what a cluster says, which is Java's account of Python's failure.
Pure functions from text to text.
Holds: of a text in which nothing is recognised the first line is shown.
"""

from __future__ import annotations

import linecache
import re
from typing import Any, Dict, List, Optional

_START = "Traceback (most recent call last):"
_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
#: Frames of files of this kind are the peers' own, not the user's.
_MACHINERY = re.compile(
    r"(^|/)(pyspark(\.zip)?|pyflink|apache_beam|py4j|millstream/handover|cloudpickle)/|/runpy\.py$"
)
_LINKS = {
    "cause": "The above exception was the direct cause of the following exception:",
    "context": "During handling of the above exception, another exception occurred:",
}


def remote_traceback(java: str) -> Optional[str]:
    """The traceback of a function of the program, out of what Java says about it; only the program's own
    frames.

    >>> print(remote_traceback("E: Traceback (most recent call last):\\n"
    ...     '  File "/x/pyspark/worker.py", line 1, in main\\n    go()\\n'
    ...     '  File "/nowhere/job.py", line 7, in half\\nZeroDivisionError: by zero\\n\\n\\tat org.x.Y'))
    Traceback (most recent call last):
      File "/nowhere/job.py", line 7, in half
    ZeroDivisionError: by zero
    """
    # Java's exception may come from a call of Python's that failed because of a task: the task's is the last.
    told = list(re.finditer(r"(?:PythonException: |SDK harness )[^\n]*(?=" + re.escape(_START) + ")", java))
    start = told[-1].end() if told else java.find(_START)
    if start < 0:
        return None
    lines: List[str] = []
    for line in java[start:].splitlines():
        if line.startswith(("\tat ", "Caused by: ", "Driver stacktrace:", " SQLSTATE: ")):
            break
        lines.append(line)
    return "\n".join(without_machinery(lines)).rstrip()


def without_machinery(lines: List[str]) -> List[str]:
    """A traceback's lines without the frames of the peers; all of them if there are no others."""
    kept: List[str] = []
    own = keep = False
    for at, line in enumerate(lines):
        frame = _FRAME.match(line)
        if frame:
            keep = not _MACHINERY.search(frame["file"])
            own = own or keep
            if keep:
                kept.append(line)
                # The interpreter on the cluster need not have the file; it is here.
                if at + 1 == len(lines) or not lines[at + 1].startswith("    "):
                    source = linecache.getline(frame["file"], int(frame["line"])).strip()
                    kept.extend([f"    {source}"] if source else [])
        elif line.startswith("    "):
            if keep:
                kept.append(line)
        else:
            keep = not line.startswith("  ")
            kept.append(line)
    return kept if own else lines


def root_cause(java: str) -> str:
    """The last cause that Java names, in one line.

    >>> root_cause("Calling o1.x.\\n: org.a.B: outer\\n\\tat x\\nCaused by: java.io.C: no file\\n\\tat y")
    'java.io.C: no file'
    """
    causes = re.findall(r"^(?:Caused by: |: )(.+)$", java, re.MULTILINE)
    return causes[-1].strip() if causes else (java.strip().splitlines() or [""])[0]


def cause(java: str) -> str:
    """The program's own traceback if Java's text has one, the root cause otherwise."""
    return remote_traceback(java) or root_cause(java)


def flink_place(task: Optional[str], place: Optional[str]) -> Optional[str]:
    """Where a task of Flink failed.

    >>> flink_place("Map, Sink: out (2/4) - execution #1", "host:1234")
    'in operator `Map, Sink: out`, subtask 2 of 4, attempt 2, on host:1234'
    """
    if not task:
        return None
    found = re.match(r"(.*) \((\d+)/(\d+)\)(?: - execution #(\d+))?$", task)
    if found is None:
        return f"in `{task}`"
    operator, subtask, of, execution = found.groups()
    attempt = f", attempt {int(execution) + 1}" if execution is not None else ""
    on = f", on {place}" if place and place != "(unassigned)" else ""
    return f"in operator `{operator}`, subtask {subtask} of {of}{attempt}{on}"


def of_driver(parts: List[Dict[str, Any]], place: Optional[str] = None, remote: Optional[str] = None) -> str:
    """The exception that ended the program, as its driver described it.

    `remote` is the text of the failure as the cluster told it, `place` where it was, if the exception itself
    lacks them.
    """
    last = parts[-1]
    java = remote or (last["text"] if last["java"] else None)
    if java is None:
        return "\n\n".join(
            _LINKS[p["link"]] + "\n\n" + _one(p) if p["link"] else _one(p) for p in _linked(parts)
        )
    own = remote_traceback(java)
    if own is None:
        return _one({**last, "text": root_cause(java) if last["java"] else last["text"]})
    lines = [own, *([place] if place else [])]
    called = _called(last["frames"])
    return "\n".join(lines + ([f"called from\n{called}"] if called else []))


def _linked(parts: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """The link of a part names what follows from it; it is printed in front of what follows."""
    links = [None, *(part["link"] for part in parts[:-1])]
    return [{**part, "link": link} for part, link in zip(parts, links)]


def _one(part: Dict[str, Any]) -> str:
    frames = "".join(part["frames"]).rstrip().splitlines()
    text = root_cause(part["text"]) if part["java"] else part["text"]
    return "\n".join(([_START, *without_machinery(frames)] if frames else []) + [text])


def _called(frames: List[str]) -> str:
    """The program's own frames that led to the call that failed."""
    lines = without_machinery("".join(frames).rstrip().splitlines())
    return "\n".join(lines)
