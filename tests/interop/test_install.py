"""The installed library: from C++ and C, static and shared, by CMake and by pkg-config, beside ONNX and protobuf."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from installed import Installed, cached, files_of, install, needed, run
from onnx import numpy_helper

OURS = re.compile(r"(vtable for |typeinfo (name )?for )?tensorferry::")
SHARED = {"static": "OFF", "shared": "ON"}


@pytest.fixture(scope="module")
def build(tf_cli) -> Path:
    folder = Path(tf_cli.program).parent.parent
    if not (folder / "CMakeCache.txt").is_file():
        pytest.skip(f"{tf_cli.program} is not in the folder of its build")
    if cached(folder, "TENSORFERRY_SHARED") != "ON":
        pytest.skip("this build has no shared library")
    return folder


@pytest.fixture(scope="module")
def installed(build, tmp_path_factory) -> Installed:
    # Moved after it was installed: nothing in it may depend on the place.
    folder = tmp_path_factory.mktemp("installed")
    install(build, folder / "first")
    (folder / "first").rename(folder / "prefix with blank")
    return Installed(folder / "prefix with blank", cached(build, "CMAKE_C_COMPILER"), cached(build, "CMAKE_CXX_COMPILER"))


@pytest.fixture(scope="module")
def arrays():
    random = np.random.default_rng(6)
    return {
        "dense/kernel": random.standard_normal((784, 12)).astype("<f4"),
        "dense/bias": random.standard_normal(12),
        "step": np.array(-7, "<i8"),
        "counts": np.arange(-3, 5, dtype="<i4").reshape(2, 2, 2),
    }


@pytest.fixture(scope="module")
def model(arrays, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.npz"
    np.savez(path, **arrays)
    return path


def check_c_program(program: Path, model: Path, arrays: dict, target: Path, **options) -> None:
    """What samples/embed_c prints and writes, as numpy sees the model."""
    lines = run(program, model, target, **options).splitlines()
    total = sum(array.nbytes for array in arrays.values())
    assert lines[-1] == f"{len(arrays)} tensors, {total} bytes"
    assert len(lines) == len(arrays) + 1
    for line, (name, array) in zip(lines, arrays.items()):
        label, sample = line.rsplit(" ", 1)
        assert label == f"{name} {array.dtype} {list(array.shape)}"
        assert array.dtype.type(sample) == array.flat[0], line
    with np.load(target) as written:
        assert sorted(written.files) == sorted(arrays)
        for name, array in arrays.items():
            assert written[name].dtype == array.dtype and written[name].tobytes() == array.tobytes()


def check_cpp_program(program: Path, samples: Path, folder: Path, **options) -> None:
    """What samples/embed prints and writes."""
    out = run(program, samples, folder, **options)
    first = np.fromfile(samples / "dense_kernel" / "kernel.bin", "<f4")[0]
    assert f"my_dense_layer/kernel:0 float32 [10, 5], first value {first:.6g}" in out
    assert "mask:0 bool [7], 7 bytes" in out
    written = {t.name: numpy_helper.to_array(t) for t in onnx.load(folder / "layer.onnx").graph.initializer}
    assert len(written) == 2 and f"2 tensors, {sum(a.nbytes for a in written.values())} bytes" in out


def test_what_is_installed_where(build, installed, tf_cli, tmp_path):
    runtime = files_of(install(build, tmp_path / "runtime", "--component", "runtime"))
    development = files_of(install(build, tmp_path / "development", "--component", "development"))
    assert runtime | development == files_of(installed.prefix) and not runtime & development
    library = installed.library_dir.relative_to(installed.prefix)
    (link,) = [name for name in runtime if re.fullmatch(rf"{library}/libtensorferry\.so\.\d+\.\d+", name)]
    headers = {f"include/tensorferry/{header.name}" for header in (Path(__file__).parents[2] / "include/tensorferry").iterdir()}
    assert runtime >= {"bin/tensorferry", "share/man/man1/tensorferry.1", "share/doc/tensorferry/LICENSE",
                       "share/bash-completion/completions/tensorferry", "share/zsh/site-functions/_tensorferry",
                       "share/fish/vendor_completions.d/tensorferry.fish"}
    assert development == headers | {
        f"{library}/libtensorferry.a", f"{library}/libtensorferry.so", f"{library}/pkgconfig/tensorferry.pc",
        *(name for name in development if name.startswith(f"{library}/cmake/tensorferry/"))}
    assert f"SONAME               {Path(link).name}" in run("objdump", "-p", installed.prefix / link)
    assert run(installed.prefix / "bin/tensorferry", "--version") == tf_cli("--version").out


@pytest.mark.parametrize("kind", SHARED)
def test_a_clean_cmake_project_in_cpp(kind, installed, repository, tmp_path):
    build = installed.build_project(repository / "samples/embed", tmp_path, f"-DBUILD_SHARED_LIBS={SHARED[kind]}")
    check_cpp_program(build / "embed", repository / "samples", tmp_path)
    assert any("libtensorferry" in name for name in needed(build / "embed")) == (kind == "shared")


@pytest.mark.parametrize("kind", SHARED)
def test_a_clean_cmake_project_in_c(kind, installed, repository, model, arrays, tmp_path):
    build = installed.build_project(repository / "samples/embed_c", tmp_path, f"-DBUILD_SHARED_LIBS={SHARED[kind]}")
    check_c_program(build / "embed_c", model, arrays, tmp_path / "out.npz")
    assert any("libtensorferry" in name for name in needed(build / "embed_c")) == (kind == "shared")


def test_find_package_knows_components_and_versions(installed, tmp_path):
    static_only = installed.without_shared(tmp_path / "static only")
    for file in static_only.prefix.rglob("tensorferry-shared*.cmake"):
        file.unlink()

    def probe(call: str, prefix: Path = installed.prefix) -> str:
        folder = tmp_path / f"probe {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.18)\nproject(probe LANGUAGES C)\n"
            f"find_package(tensorferry {call})\nif(tensorferry_FOUND)\n"
            "  get_target_property(kind tensorferry::tensorferry TYPE)\n"
            "  file(WRITE ${CMAKE_BINARY_DIR}/found ${kind})\nelse()\n"
            "  file(WRITE ${CMAKE_BINARY_DIR}/found \"none: ${tensorferry_NOT_FOUND_MESSAGE}\")\nendif()\n")
        run("cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
        return (folder / "build" / "found").read_text()

    assert probe("0.1 REQUIRED") == "STATIC_LIBRARY"
    assert probe("0.1 REQUIRED COMPONENTS shared") == "SHARED_LIBRARY"
    assert probe("0.1 REQUIRED", static_only.prefix) == "STATIC_LIBRARY"
    assert "has no component shared" in probe("0.1 COMPONENTS shared", static_only.prefix)
    assert probe("0.99").startswith("none")


def test_pkg_config_shared(installed, repository, model, arrays, tmp_path):
    version = installed.pkg_config("--modversion")
    assert [f"tensorferry {version[0]}"] == run(installed.prefix / "bin/tensorferry", "--version").splitlines()
    flags = installed.pkg_config("--cflags", "--libs")
    run(installed.cc, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", repository / "samples/embed_c/main.c", "-o",
        tmp_path / "c", *flags)
    check_c_program(tmp_path / "c", model, arrays, tmp_path / "out.npz", env=installed.environment())
    run(installed.cxx, "-std=c++20", repository / "samples/embed/main.cpp", "-o", tmp_path / "cpp", *flags)
    check_cpp_program(tmp_path / "cpp", repository / "samples", tmp_path, env=installed.environment())


def test_pkg_config_static(installed, repository, model, arrays, tmp_path):
    static = installed.without_shared(tmp_path / "static")
    flags = static.pkg_config("--static", "--cflags", "--libs")
    run(installed.cc, "-std=c99", repository / "samples/embed_c/main.c", "-o", tmp_path / "c", *flags)
    check_c_program(tmp_path / "c", model, arrays, tmp_path / "out.npz")
    run(installed.cxx, "-std=c++20", repository / "samples/embed/main.cpp", "-o", tmp_path / "cpp", *flags)
    check_cpp_program(tmp_path / "cpp", repository / "samples", tmp_path)


def test_only_our_own_symbols_are_exported(installed):
    lines = run("nm", "-D", "-C", "--defined-only", "--with-symbol-versions", installed.shared_library).splitlines()
    symbols = [line.split(maxsplit=2)[2].split("@@")[0] for line in lines if not line.split()[-1].startswith("TENSORFERRY_")]
    c_functions = {name for name in symbols if re.fullmatch(r"tensorferry_\w+", name)}
    header = (installed.prefix / "include/tensorferry/c_api.h").read_text()
    assert c_functions == set(re.findall(r"TENSORFERRY_API [^;(]*?(tensorferry_\w+)\(", header))
    strangers = [name for name in symbols if name not in c_functions and not OURS.match(name)]
    assert not strangers, strangers
    public = "\n".join(path.read_text() for path in (installed.prefix / "include/tensorferry").iterdir())
    # What is exported is declared: the last name before the brackets occurs in a public header.
    hidden = []
    for name in symbols:
        plain = re.sub(r"\[abi:\w+\]", "", name)
        words = re.findall(r"\w+", plain.split("(")[0])
        if name not in c_functions and words[-1] not in re.findall(r"\w+", public):
            hidden.append(name)
    assert not hidden, hidden


@pytest.mark.parametrize("kind", ["static first", "static last", "shared first", "shared last"])
def test_beside_a_program_that_links_onnx_and_protobuf(kind, installed, beside_onnx, model, arrays, repository, tf_cli,
                                                         tmp_path):
    tf_cli.convert(model, tmp_path / "model.onnx")
    kinds, place = kind.split()
    ours = installed.pkg_config("--libs") if kinds == "shared" else [
        "-l:libtensorferry.a" if flag == "-ltensorferry" else flag for flag in installed.pkg_config("--static", "--libs")]
    theirs = ["-lonnx", "-lonnx_proto", "-lprotobuf"]
    order = [*ours, *theirs] if place == "first" else [*theirs, *ours]
    run(installed.cxx, beside_onnx, "-o", tmp_path / "program", *order)
    checkpoint = repository / "samples/keras_model"
    lines = run(tmp_path / "program", tmp_path / "model.onnx", tmp_path / "copy.onnx", checkpoint,
                env=installed.environment()).splitlines()
    kernel = arrays["dense/kernel"]
    contents = f"{len(arrays)} tensors, dense/kernel {kernel.flat[0]:.9g}"
    listed = len(json.loads(tf_cli("ls", checkpoint, "--json").succeeds().out)["tensors"])
    assert lines == [f"tensorferry: {contents}", f"onnx: {contents}",
                     *[f"onnx: {contents} in the copy", f"checkpoint: {listed} tensors"] * 2]


@pytest.fixture(scope="module")
def beside_onnx(installed, tmp_path_factory) -> Path:
    program = tmp_path_factory.mktemp("beside") / "beside_onnx.o"
    run(installed.cxx, "-std=c++20", "-c", Path(__file__).with_name("beside_onnx.cpp"), "-o", program,
        "-DONNX_ML=1", "-DONNX_NAMESPACE=onnx", *installed.pkg_config("--cflags"))
    return program


def test_from_python_beside_h5py_and_onnx(installed, model, arrays, tf_cli, tmp_path):
    tf_cli.convert(model, tmp_path / "model.h5")
    lines = run(sys.executable, Path(__file__).with_name("ctypes_reader.py"), installed.shared_library,
                tmp_path / "model.h5").splitlines()
    expected = {f"{name} {a.dtype} {list(a.shape)} {a.tobytes().hex()} True" for name, a in arrays.items()}
    assert set(lines) == expected and len(lines) == len(arrays)


def test_as_a_part_of_another_build(repository, tmp_path):
    """add_subdirectory() configures: every target and library is found from the folder of the host."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(host LANGUAGES C CXX)\n"
        f"add_subdirectory({repository} tensorferry)\n"
        "add_executable(host main.cpp)\ntarget_link_libraries(host PRIVATE tensorferry::tensorferry)\n"
        "install(TARGETS host)\n")
    (tmp_path / "main.cpp").write_text("int main() {}\n")
    for kind, value in SHARED.items():
        run("cmake", "-S", tmp_path, "-B", tmp_path / kind, "-G", "Ninja", f"-DBUILD_SHARED_LIBS={value}")
        commands = run("ninja", "-C", tmp_path / kind, "-t", "commands", "host")
        assert ("libtensorferry.so" in commands) == (kind == "shared") and "test_core" not in commands
