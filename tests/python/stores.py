"""New places in the S3 and HDFS servers that `cargo xtask test --only python` starts."""

import itertools
import os
import subprocess

_NUMBERS = itertools.count()


def _fact(name):
    assert name in os.environ, "run these tests by `cargo xtask test --only python`, which starts the servers"
    return os.environ[name]


def curl(*arguments):
    """What an S3 server answers to a client that is not ours."""
    keys = f"{_fact('MILLSTREAM_S3_ACCESS_KEY')}:{_fact('MILLSTREAM_S3_SECRET_KEY')}"
    curl = ["curl", "-sS", "--fail", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", keys]
    return subprocess.run([*curl, *arguments], check=True, capture_output=True, text=True).stdout


def new_place(kind, monkeypatch):
    """A location in a new bucket, or in a folder that is not there yet."""
    name = f"python-{os.getpid()}-{next(_NUMBERS)}"
    if kind == "hdfs":
        return f"{_fact('MILLSTREAM_HDFS')}/tests/{name}"
    curl("-X", "PUT", f"{_fact('MILLSTREAM_S3')}/{name}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", _fact("MILLSTREAM_S3"))
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", _fact("MILLSTREAM_S3_ACCESS_KEY"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", _fact("MILLSTREAM_S3_SECRET_KEY"))
    return f"s3://{name}/deep"
