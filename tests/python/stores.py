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


def _hadoop(*arguments):
    """What Hadoop's own shell prints; nothing where there is no such file."""
    jars = f"{_fact('MILLSTREAM_HDFS_CONF')}/nn:{_fact('MILLSTREAM_HDFS_JARS')}"
    java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jars]
    done = subprocess.run([*java, "org.apache.hadoop.fs.FsShell", *arguments], capture_output=True, text=True)
    assert done.returncode == 0 or "No such file" in done.stderr, done.stderr
    return done.stdout


def names(place):
    """The names of all files below a location, from there on, told by a client that is not ours."""
    if place.startswith("hdfs://"):
        path = "/" + place.split("/", 3)[3] + "/"
        found = [line.split()[-1] for line in _hadoop("-ls", "-R", place).splitlines() if line.startswith("-")]
        return sorted(name.split(path, 1)[1] for name in found)
    bucket, prefix = place[len("s3://") :].split("/", 1)
    answer = curl(f"{_fact('MILLSTREAM_S3')}/{bucket}?list-type=2&prefix={prefix.replace('/', '%2F')}%2F")
    keys = [part.split("<", 1)[0] for part in answer.split("<Key>")[1:]]
    return sorted(key[len(prefix) + 1 :] for key in keys)


def text(place):
    """The text of a file, from a client that is not ours."""
    if place.startswith("hdfs://"):
        return _hadoop("-cat", place)
    return curl(f"{_fact('MILLSTREAM_S3')}/{place[len('s3://') :]}")


def put(place, content, folder):
    """Puts a file there, whole, by a client that is not ours; by way of a local folder."""
    local = folder / "put"
    local.write_text(content, encoding="utf-8")
    if place.startswith("hdfs://"):
        _hadoop("-mkdir", "-p", place.rsplit("/", 1)[0])
        _hadoop("-put", str(local), place)
    else:
        unsigned = "x-amz-content-sha256: UNSIGNED-PAYLOAD"
        url = f"{_fact('MILLSTREAM_S3')}/{place[len('s3://') :]}"
        curl("-X", "PUT", "-H", unsigned, "--data-binary", f"@{local}", url)


def lines(place):
    """The lines of all files that others see, in order."""
    shown = [name for name in names(place) if name.rsplit("/", 1)[-1][0] not in "._"]
    return sorted(line for name in shown for line in text(f"{place}/{name}").splitlines())
