"""A program on its way to a cluster."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

from millstream import _native
from millstream._cluster import files, guardian, plan_file
from millstream._cluster.files import Given
from millstream._cluster.remote import RemoteJob
from millstream._cluster.target import Target


def submit(target: Target, make: Any, given: Given) -> RemoteJob:
    """Has the job manager run the program that `make` gives for the files that were sent."""
    cluster = _native.Cluster(target.master, target.token_file, target.tls)
    sent = files.send(given, cluster.upload)
    with tempfile.NamedTemporaryFile(prefix="millstream-plan-") as file:
        plan_file.write(make(sent), file)
        file.flush()
        hash_ = cluster.upload(file.name)
    submission = {
        "program": hash_,
        "kind": "python_plan",
        "files": sent.hashes(),
        "file_name": os.path.basename(sys.argv[0]) or "python",
    }
    job = cluster.submit(json.dumps(submission))
    watching = guardian.watch(job, target) if target.is_tied and not target.is_detached else None
    return RemoteJob(cluster, job, target.is_detached, watching)
