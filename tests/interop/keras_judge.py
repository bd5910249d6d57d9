"""The names of a file against what the live model said of its layers."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import h5py

NOTE = re.compile("called by (its path|their paths) in the file, such as ")


def paths_of_file(file: h5py.File) -> list[str]:
    found = []
    file.visititems(lambda name, one: found.append(name) if isinstance(one, h5py.Dataset) else None)
    return found


def paths_of(path: Path) -> list[str]:
    """The datasets of a file, or of the file in an archive, by h5py."""
    source = io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5")) if zipfile.is_zipfile(path) else path
    with h5py.File(source) as file:
        return paths_of_file(file)


def listed(cli, path: Path) -> tuple[list[tuple[str, str]], bool]:
    """Names and digests in the order of the program, and whether it says that some names are paths."""
    done = cli("hash", path, "--json", "--exclude-optimizer").succeeds()
    return [(tensor["name"], tensor["sha256"]) for tensor in json.loads(done.out)["tensors"]], bool(NOTE.search(done.err))


def run_lengths(items: list) -> list:
    return [one for i, one in enumerate(items) if i == 0 or items[i - 1] != one]


class Names:
    """What must hold of the names of one file."""

    def __init__(self, cli, path: Path, truth: list[dict]):
        self.path = path
        self.got, self.noted = listed(cli, path)
        self.layer_of = {sha: "/".join(entry["layer"]) for entry in truth for sha in entry["sha256"]}
        self.order = ["/".join(entry["layer"]) for entry in truth]

    def mine(self):
        return [(name, sha) for name, sha in self.got if sha in self.layer_of]

    def check_complete(self):
        found = {sha for _, sha in self.got}
        assert set(self.layer_of) <= found, self.path

    def wrong(self) -> list[tuple[str, str]]:
        """Names that are not below that of the layer which has these values."""
        return [(name, self.layer_of[sha]) for name, sha in self.mine()
                if not re.fullmatch(re.escape(self.layer_of[sha]) + r"(/.+)?/\d+", name)]

    def check_names(self):
        """Every weight is below its layer; a note is there when a name holds a part of a path, and only then."""
        self.check_complete()
        assert not self.wrong(), (self.path, self.wrong())
        assert self.noted == any("/vars/" in name and not name.startswith("metrics/") for name, _ in self.got), self.path

    def check_layers(self):
        """And the layers stand in the order of the model."""
        self.check_names()
        assert run_lengths([self.layer_of[sha] for _, sha in self.mine()]) == self.order, self.path

    def check_cautious(self):
        """A name is that of the layer, or the path."""
        self.check_complete()
        assert {name for name, _ in self.wrong()} <= set(paths_of(self.path)), self.path
        assert self.noted, self.path

    def check_paths(self):
        """No name but the path, and a note that says why."""
        self.check_complete()
        assert {name for name, _ in self.mine()} <= set(paths_of(self.path)), self.path
        assert self.noted, self.path
