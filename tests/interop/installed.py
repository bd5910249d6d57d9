"""A build installed somewhere, and programs built against it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = [f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache" for language in ("C", "CXX")] if shutil.which("ccache") else []


def run(*words, **options) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def cached(build: Path, name: str) -> str:
    """An entry of CMake's cache."""
    found = re.search(rf"^{name}:[A-Z]+=(.*)$", (build / "CMakeCache.txt").read_text(), re.MULTILINE)
    return found.group(1) if found else ""


def install(build: Path, prefix: Path, *arguments: str) -> Path:
    run("cmake", "--install", build, "--prefix", prefix, *arguments)
    return prefix


def files_of(prefix: Path) -> set[str]:
    return {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}


@dataclass
class Installed:
    prefix: Path
    cc: str
    cxx: str

    @property
    def library_dir(self) -> Path:
        (found,) = self.prefix.glob("lib*/**/libtensorferry.a")
        return found.parent

    @property
    def shared_library(self) -> Path:
        return self.library_dir / "libtensorferry.so"

    def without_shared(self, prefix: Path) -> "Installed":
        """A copy that has only the static library."""
        shutil.copytree(self.prefix, prefix, symlinks=True)
        copy = Installed(prefix, self.cc, self.cxx)
        for library in copy.library_dir.glob("libtensorferry.so*"):
            library.unlink()
        return copy

    def build_project(self, source: Path, folder: Path, *arguments: str) -> Path:
        """Configures and builds a CMake project in a folder of its own."""
        shutil.copytree(source, folder / "source")
        run("cmake", "-S", folder / "source", "-B", folder / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
            f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_C_COMPILER={self.cc}",
            *([f"-DCMAKE_CXX_COMPILER={self.cxx}"] if "CXX" in (source / "CMakeLists.txt").read_text() else []),
            *LAUNCHER, *arguments)
        run("cmake", "--build", folder / "build")
        return folder / "build"

    def pkg_config(self, *words: str) -> list[str]:
        paths = {**os.environ, "PKG_CONFIG_PATH": str(self.library_dir / "pkgconfig")}
        return shlex.split(run("pkg-config", *words, "tensorferry", env=paths))

    def environment(self) -> dict[str, str]:
        """For programs that do not say where the shared library is."""
        return {**os.environ, "LD_LIBRARY_PATH": str(self.library_dir)}


def needed(program: Path) -> list[str]:
    """The shared libraries that a program or library names."""
    return re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", program))
