"""The structures of HDF5 files that tensorferry writes by itself hold up under HDF5's own library: every link is found by
name, and a file that others go on with stays sound."""

from __future__ import annotations

import json
import random

import h5py
import numpy as np
import pytest

from raw_input import write_raw


def small(names) -> dict[str, tuple[str, np.ndarray]]:
    return {name: ("int32", np.array([i, -i], np.int32)) for i, name in enumerate(names)}


@pytest.fixture
def written(tf_cli, tmp_path):
    """Writes tensors to an HDF5 file; `attributes` are those of the file and of the first tensor."""

    def write(tensors, *options, attributes=None, name="out.h5"):
        folder = tmp_path / name.replace(".h5", "")
        write_raw(folder, tensors)
        if attributes is not None:
            manifest = json.loads((folder / "manifest.json").read_text())
            manifest["attributes"] = manifest["tensors"][0]["attributes"] = attributes
            (folder / "manifest.json").write_text(json.dumps(manifest))
        words = [w for o in options for w in ("--out-opt", o)]
        tf_cli.convert(folder, tmp_path / name, *words)
        return tmp_path / name

    return write


def contents(file) -> dict[str, list]:
    found = {}
    file.visititems(lambda path, o: found.update({path: o[()].tolist()}) if isinstance(o, h5py.Dataset) else None)
    return found


def expected(tensors) -> dict[str, list]:
    return {name.replace("%", "%25"): array.tolist() for name, (_, array) in tensors.items()}


# 8 links are the most that lie in the header of their group; 28 of the names in a/b fill the first block of a heap, 45 a leaf
# of a tree, 1149 a tree of two levels.
@pytest.mark.parametrize("count", [1, 8, 9, 28, 29, 45, 46, 92, 300, 1149, 1150, 5000])
def test_every_link_of_a_group_is_found(count, written):
    tensors = small(f"t{i:05}" for i in range(count)) | small(f"a/b/u{i:04}" for i in range(count))
    with h5py.File(written(tensors)) as file:
        assert contents(file) == expected(tensors)
        assert list(file["a/b"]) == sorted(f"u{i:04}" for i in range(count))
        assert "t99999" not in file and "a/b/u" not in file and "a/c" not in file
        assert file.get("t00000", getlink=True).__class__ is h5py.HardLink


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_20000_links_of_one_group_are_found_by_name(libver, written):
    tensors = small(f"layer_{i:05}_kernel" for i in range(20_000))
    with h5py.File(written(tensors), libver=libver) as file:
        assert list(file) == sorted(tensors)
        for name in random.Random(1).sample(list(tensors), len(tensors) if libver == "earliest" else 2000):
            assert file[name][0] == tensors[name][1][0]


def test_200000_links_of_one_group_are_listed_and_found(written, tf_cli):
    path = written(small(f"tensor_{i:06}_weights" for i in range(200_000)))
    with h5py.File(path) as file:
        names = list(file)
        assert names == [f"tensor_{i:06}_weights" for i in range(200_000)]
        for i in random.Random(2).sample(range(200_000), 3000):
            assert file[names[i]][()].tolist() == [i, -i]
    assert tf_cli("ls", path).succeeds().out.count("\n") >= 200_000


# Links of 4 KiB and more lie outside the blocks of the heap, those of 64 KiB outside any header.
LONG = ["n" * length + str(length) for length in
        (*range(1, 700, 13), *range(4060, 4100), 5000, 20_000, 65_000, *range(65_500, 65_530))]
ODD = [f"{stem}{i}" for stem in ("żółć/", "漢字", "a b/", "100%", "x\\", "\t") for i in range(12)]
DEEP = ["/".join(f"g{j % 3}" for j in range(depth)) + f"/w{depth}" for depth in range(1, 400, 7)]
UNEVEN = [f"{i:04}" + "q" * random.Random(i).randrange(3500) for i in range(1500)]
FORMS = {"long": LONG, "odd": ODD, "deep": DEEP, "uneven": UNEVEN, "one long": ["y" * 65_531], "few long": LONG[-3:],
         "flat": [f"t{i}" for i in range(3000)]}


@pytest.mark.parametrize("form", FORMS)
def test_others_can_go_on_with_a_file(form, written, tf_cli):
    """Links, datasets and attributes are added and removed: heaps, trees and headers stay sound."""
    tensors = small(FORMS[form])
    path, want, rng = written(tensors), expected(tensors), random.Random(form)
    with h5py.File(path) as file:
        assert contents(file) == want
    for turn in range(3):
        with h5py.File(path, "r+") as file:
            for i in range(200):
                name = f"new{turn}/{i}" if i % 2 else f"new{turn}_{i}" + "z" * rng.randrange(60)
                file[name] = np.array([i, turn])
                want[name] = [i, turn]
            gone = rng.sample(sorted(want), len(want) // 2)
            for name in gone:
                del file[name], want[name]
            kept = sorted(want)[:40]
            for name in kept:
                file[name].attrs[f"text{turn}"] = name[:100]
                file[name].attrs[f"row{turn}"] = np.arange(turn + 3)
            file.attrs["turn"] = turn
        with h5py.File(path) as file:
            assert contents(file) == want
            for name in kept:
                assert file[name].attrs[f"text{turn}"] == name[:100]
                assert file[name].attrs[f"row{turn}"].tolist() == list(range(turn + 3))
    with h5py.File(path, "r+") as file:
        for name in sorted(want)[3:]:
            del file[name], want[name]
    with h5py.File(path) as file:
        assert contents(file) == want
    assert len(json.loads(tf_cli("ls", path, "--json").succeeds().out)["tensors"]) == 3


def test_headers_hold_60000_attributes(written):
    attributes = {f"a{i:05}": f"text {i}" if i % 2 else i for i in range(60_000)}
    with h5py.File(written(small(["w"]), attributes=attributes)) as file:
        for holder in (file, file["w"]):
            assert set(holder.attrs) == set(attributes)
            for name in random.Random(3).sample(sorted(attributes), 200):
                assert holder.attrs[name] == attributes[name]


def test_attributes_of_our_files_can_be_changed(written):
    attributes = {"long " + "n" * 50_000: 1, "text": "t" * 100_000, "real": 0.5, "yes": True, "żółć": "漢字", "none": ""}
    attributes |= {f"more {i}": "x" * i for i in range(1000)}
    path = written(small(["w"]), attributes=attributes)
    for mode in ("r", "r+"):
        with h5py.File(path, mode) as file:
            for holder in (file, file["w"]):
                assert {n: holder.attrs[n] for n in holder.attrs} == attributes
                if mode == "r+":
                    del holder.attrs["text"], holder.attrs["more 7"]
                    holder.attrs["real"] = np.ones(900)
                    holder.attrs["none"] = "no longer"
    with h5py.File(path) as file:
        for holder in (file, file["w"]):
            assert len(holder.attrs) == len(attributes) - 2
            assert holder.attrs["real"].sum() == 900 and holder.attrs["none"] == "no longer"
            assert holder.attrs["more 999"] == "x" * 999 and holder.attrs["żółć"] == "漢字"


def test_strings_of_our_files_can_be_changed(written):
    values = [b"", b"one", b"x" * 70_000, *(b"y" * (i % 50) for i in range(9000))]
    path = written({"s": ("string", np.array(values, dtype=object)), "t": ("string", np.array([b"\xff", b""], dtype=object))})
    with h5py.File(path, "r+") as file:
        assert file["s"][()].tolist() == values
        assert [row.tobytes() for row in file["t"][()]] == [b"\xff", b""]
        file["s"][1] = b"changed" * 1000
        file["s"][5:4000] = b"again"
    values[1] = b"changed" * 1000
    values[5:4000] = [b"again"] * 3995
    with h5py.File(path) as file:
        assert file["s"][()].tolist() == values


# Chunks of 256 elements: trees of one node, of nodes that are just full, and of three levels.
@pytest.mark.parametrize("shape", [(1,), (256,), (257,), (256 * 64,), (256 * 64 + 1,), (256 * 4200,), (3, 70, 50, 2),
                                   (1,) * 31 + (300,)])
def test_every_chunk_is_found(shape, written):
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    tensors = {"w": ("int32", array), **{f"small/{i}": ("int32", array.reshape(-1)[:i + 1]) for i in range(10)}}
    path = written(tensors, "compression=gzip", "chunk=1K")
    with h5py.File(path, "r+") as file:
        w = file["w"]
        np.testing.assert_array_equal(w[()], array)
        assert w.chunks is not None and np.prod(w.chunks) <= 256
        assert w.id.get_num_chunks() == np.prod([-(-n // c) for n, c in zip(w.shape, w.chunks)])
        for i in range(10):
            np.testing.assert_array_equal(file[f"small/{i}"][()], array.reshape(-1)[:i + 1])
        w[...] = array[::-1]  # chunks of other sizes, in other places
        file["more"] = array
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["w"][()], array[::-1])
        np.testing.assert_array_equal(file["more"][()], array)


def test_many_small_compressed_tensors_cost_little(written):
    tensors = {f"t{i}": ("float32", np.full(64, i, np.float32)) for i in range(1000)}
    path = written(tensors, "compression=gzip")
    assert path.stat().st_size < 600 * 1000
    with h5py.File(path) as file:
        assert all(file[name].compression == "gzip" and file[name][3] == i for i, name in enumerate(tensors))


def test_the_bytes_do_not_depend_on_the_number_of_threads(tf_cli, tmp_path):
    values = np.random.default_rng(1).normal(size=3_000_000).astype(np.float32)
    tensors = {f"t{i}": ("float32", values[:n]) for i, n in enumerate((3_000_000, 7, 200_000, 0, 65_536, 1_000_001))}
    write_raw(tmp_path / "in", tensors)
    for options in ((), ("--out-opt", "compression=gzip"), ("--out-opt", "compression=gzip", "--out-opt", "chunk=2M")):
        made = set()
        for threads in (1, 2, 3):
            tf_cli.convert(tmp_path / "in", tmp_path / "out.h5", "-j", threads, "--overwrite", *options)
            made.add((tmp_path / "out.h5").read_bytes())
        assert len(made) == 1


def test_large_tensors_and_chunks_begin_on_pages(written):
    tensors = {f"t{i}": ("uint8", np.random.default_rng(i).integers(0, 256, n, np.uint8).astype(np.uint8))
               for i, n in enumerate((3, 65_536, 1, 100_001, 65_535, 400_000))}
    with h5py.File(written(tensors)) as file:
        assert all(file[f"t{i}"].id.get_offset() % 4096 == 0 for i in (1, 3, 5))
    with h5py.File(written(tensors, "compression=gzip", "chunk=100K", name="gz.h5")) as file:
        w = file["t5"]
        infos = [w.id.get_chunk_info(i) for i in range(w.id.get_num_chunks())]
        assert len(infos) == 4 and all(info.byte_offset % 4096 == 0 for info in infos if info.size >= 65_536)
