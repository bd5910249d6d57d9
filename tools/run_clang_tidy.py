"""Runs clang-tidy over the project's own C++ files, several at a time.

A file that was clean is not looked at again until it, a header or the configuration changes: the stamps are in
BUILD/clang-tidy.
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("include", "src", "converters", "samples", "tests")


def digest(*parts):
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def surroundings():
    """A digest of all that can change the verdict on every file."""
    version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True).stdout
    headers = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.h"))
    return digest(version, (ROOT / ".clang-tidy").read_bytes(), *(path.read_bytes() for path in headers)).encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tests", action="store_true", help="the tests too: as many minutes again")
    options = parser.parse_args()

    build = options.build.resolve()
    own = tuple(f"{ROOT}/{folder}/" for folder in FOLDERS if options.tests or folder != "tests")
    commands = json.loads((build / "compile_commands.json").read_text())
    files = sorted({entry["file"] for entry in commands if entry["file"].startswith(own)})
    header_filter = f"^{re.escape(str(ROOT))}/({'|'.join(FOLDERS)})/"
    stamps = build / "clang-tidy"
    stamps.mkdir(exist_ok=True)
    # Without GCC's precompiled headers, which clang does not read and which hide what a file forgets to include.
    for entry in commands:
        entry["command"] = re.sub(r" -Winvalid-pch| -include \S+/cmake_pch\.hxx", "", entry["command"])
    (stamps / "compile_commands.json").write_text(json.dumps(commands))
    salt = surroundings()

    def tidy(file):
        stamp = stamps / digest(salt, file.encode(), pathlib.Path(file).read_bytes())
        if stamp.exists():
            return True, ""
        command = ["clang-tidy", "-p", str(stamps), "--quiet", f"--header-filter={header_filter}",
                   # flags that only GCC knows
                   "--extra-arg=-Wno-unknown-warning-option", file]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        clean = done.returncode == 0
        if clean:
            stamp.touch()
        return clean, "" if clean else done.stdout

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for file, (clean, output) in zip(files, pool.map(tidy, files)):
            if not clean:
                failed += 1
                print(f"---- {file}\n{output}", flush=True)
    print(f"{len(files)} files, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
