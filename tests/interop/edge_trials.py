"""The trials of the table in test_edge_cases.py that take more than a line."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import bundle_writer as bw
import edge_files as ef
import hostile
import judge
import test_graphs as graphs
import v1_writer
from bundle_writer import ENUM, Bundle, entry_proto, field, header_proto
from cli import Cli, assert_refused


@dataclass
class Trial:
    """One case at work in a folder of its own."""

    cli: Cli
    folder: Path
    fixtures: Path
    fresh: object  # builds the checkpoints that TensorFlow writes; called only when they are needed

    def reads(self, path, want, *args):
        judge.assert_same(self.cli.hash(path, *args)[0], want, str(path))

    def refuses(self, path, code: int, *says: str):
        return assert_refused(self.cli, path, code, self.folder / "out", *says)

    def lies(self, *cases: str):
        for i, case in enumerate(cases):
            build, codes = hostile.HOSTILE[case]
            codes = codes if isinstance(codes, tuple) else (codes,)
            done = self.cli("convert", build(self.folder / f"lie{i}" / "ck"), self.folder / "lie.h5", "--names", "raw", "--no-sync")
            assert done.code in codes, (case, done)
            done.fails_with(done.code)

    def problem(self, path, name: str, code: int, *says: str, exclude: str = ""):
        """The tensor is listed, its conversion fails; everything else is read."""
        names = set(self.cli.listing(path))
        assert name in names
        done = self.cli("convert", path, self.folder / "p.h5", "--names", "raw", "--no-sync", "--bookkeeping")
        done.fails_with(code, *says)
        if names - {name}:
            self.cli.convert(path, self.folder / f"rest{len(list(self.folder.iterdir()))}", "--to", "raw", "--exclude", exclude or name)

    def note(self, path, text: str):
        assert text in self.cli("ls", path, "--names", "raw").succeeds().err


def every_way(t: Trial):
    prefix, want = ef.plain(t.folder / "in" / "ck")
    Path(f"{prefix}.meta").write_bytes(b"graph")
    for way in (prefix, f"{prefix}.index", f"{prefix}.data-00000-of-00001", f"{prefix}.meta", prefix.parent):
        t.reads(way, want)
    t.note(prefix.parent, "ck")


def v1_or_not(t: Trial):
    path, want = ef.v1(t.folder / "model.ckpt")
    t.reads(path, want)
    t.cli("ls", t.fixtures / "real" / "bad-not-tensorflow" / "model.ckpt").fails_with(4, "PyTorch")


def both_versions(t: Trial):
    ef.v1(t.folder / "in" / "ck", name="old")
    t.reads(*ef.plain(t.folder / "in" / "ck"))


def short_index(t: Trial):
    for i, length in enumerate((0, 1, 47)):
        prefix, _ = ef.plain(t.folder / f"in{i}" / "ck")
        Path(f"{prefix}.index").write_bytes(b"x" * length)
        t.refuses(prefix, 3, "too short")


def lfs(t: Trial):
    for i, suffix in enumerate((".index", ".data-00000-of-00001")):
        prefix, _ = ef.plain(t.folder / f"in{i}" / "ck")
        Path(f"{prefix}{suffix}").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
        t.refuses(prefix, 3, "git lfs pull")


def versions(t: Trial):
    for i, head in enumerate((field(1, 1), header_proto(1, producer=2))):
        t.reads(*ef.plain(t.folder / f"v{i}" / "ck", header=head))
    t.lies("newer minimum reader", "this reader named bad")


def shard_counts(t: Trial):
    t.lies("no shards", "shard 5 of 1", "negative shard")
    prefix = Bundle().write(t.folder / "in" / "ck", header=field(3, field(1, 1)))
    t.reads(prefix, [])


def missing_shard(t: Trial):
    prefix, want = ef.two_shards(t.folder / "in" / "ck")
    Path(f"{prefix}.data-00001-of-00002").unlink()
    t.problem(prefix, "b", 6, "ck.data-00001-of-00002")
    assert set(t.cli.listing(prefix)) == {w.name for w in want}


def many_shards(t: Trial):
    prefix, want = ef.plain(t.folder / "in" / "ck", shard=100000, header=header_proto(100001))
    Path(f"{prefix}.data-00000-of-00001").rename(f"{prefix}.data-100000-of-100001")
    t.reads(prefix, want)
    t.reads(f"{prefix}.data-100000-of-100001", want)


def absent_crc(t: Trial):
    t.lies("no tensor checksum")
    value = ef.payload_of_masked_crc(0)
    bundle = Bundle()
    bundle.store(value)
    bundle.entries.append((b"w", entry_proto(ENUM["float32"], (1,), size=4, crc=0)))
    t.reads(bundle.write(t.folder / "in" / "ck"), [judge.from_bytes("w", value, "float32", (1,))])


def scalars(t: Trial):
    bundle, one = Bundle(), np.float32([1.5])
    bundle.add_payload(b"no dims", ENUM["float32"], (), one.tobytes())
    bundle.entries.append((b"no shape", field(1, 1) + field(5, 4) + ef.crc_field(one.tobytes())))
    t.reads(bundle.write(t.folder / "in" / "ck"), [judge.tensor(n, one.reshape(()), "float32") for n in ("no dims", "no shape")])


def zero_elements(t: Trial):
    bundle = Bundle()
    bundle.add("e", "float32", np.zeros((0, 3), np.float32))
    bundle.add("s", "string", np.zeros((0,), object))
    bundle.add_payload(b"s0", ENUM["string"], (0,), b"", crc=0)
    prefix = bundle.write(t.folder / "in" / "ck")
    Path(f"{prefix}.data-00000-of-00001").unlink()
    t.reads(prefix, [judge.from_bytes("e", b"", "float32", (0, 3)), judge.from_bytes("s", b"", "string", (0,)),
                     judge.from_bytes("s0", b"", "string", (0,))])


def odd_dtypes(t: Trial):
    for i, (enum, code) in enumerate(((0, 3), (34, 4), (99, 4), (20, 4), (134, 4))):
        t.problem(ef.beside_good(t.folder / f"in{i}" / "ck", enum=enum), "w", code, str(enum))
    t.reads(hostile.with_entry(enum=101)(t.folder / "ref" / "ck"), [judge.tensor("w", hostile.VALUES, "float32")])


def ignored_fields(t: Trial):
    bundle = Bundle()
    bundle.store(hostile.PAYLOAD)
    dim = field(2, field(1, 6) + field(2, b"\xff name") + field(7, 3))
    value = field(1, 1) + field(2, dim) + field(5, 24) + ef.crc_field(hostile.PAYLOAD) + field(1000, b"later") + field(55, 5)
    bundle.entries.append((b"w", value))
    t.reads(bundle.write(t.folder / "in" / "ck"), [judge.tensor("w", hostile.VALUES, "float32")])


def bools(t: Trial):
    bundle = Bundle()
    bundle.add_payload(b"b", ENUM["bool"], (4,), bytes([0, 1, 2, 255]))
    t.reads(bundle.write(t.folder / "in" / "ck"), [judge.tensor("b", np.array([False, True, True, True]), "bool")])


def sub_bytes(t: Trial):
    bundle, raw = Bundle(), bytes([0xF8, 0x18, 0x07, 0xFF])
    for name in judge.SUB_BYTE.keys() & ENUM.keys():
        bundle.add_payload(name.encode(), ENUM[name], (4,), raw)
    want = [judge.from_bytes(n, judge.mask_codes(raw, n), n, (4,)) for n in judge.SUB_BYTE.keys() & ENUM.keys()]
    t.reads(bundle.write(t.folder / "in" / "ck"), want)


def exact_bits(t: Trial, *dtypes: str):
    t.reads(*ef.of_dtypes(t.folder / "in" / "ck", dtypes))


def strings(t: Trial):
    t.lies("string lengths past the payload", "string length of 2^60", "more strings than bytes")
    exact_bits(t, "string")


def trailing_strings(t: Trial):
    payload, crc = bw.string_payload([b"ab", b"c"])
    prefix = hostile.with_strings(payload + b"more", crc)(t.folder / "in" / "ck")
    t.reads(prefix, [judge.tensor("s", np.array([b"ab", b"c"], object), "string")])


def big_endian(t: Trial):
    made = t.fresh()["big_endian"]
    t.reads(made.prefix, made.tensors)
    cut = t.fresh()["big_endian_slices"]
    t.reads(cut.prefix, cut.tensors)


def big_endian_variant(t: Trial):
    bundle = Bundle(big=True)
    bundle.add("f8", "float8_e5m2", ef.bits("float8_e5m2", (4,)))
    bundle.add_payload(b"v", ENUM["variant"], (), b"\x00\xd8\xea\x82\xa2")
    prefix = bundle.write(t.folder / "in" / "ck")
    t.problem(prefix, "v", 4)
    t.cli.convert(prefix, t.folder / "f8.npy", "--include", "f8")


def cuts(t: Trial):
    for label in ("max_shard_size", "partitioned", "sliced_by_hand"):
        made = t.fresh()[label]
        t.reads(made.prefix, made.tensors)


def extents(t: Trial):
    array, bundle = ef.bits("float32", (6, 4)), Bundle()
    bundle.add_sliced("dashes", "float32", array, [[(0, 2), (0, -1)], [(2, 4), (0, -1)]])
    bundle.add_sliced("spelt", "float32", array, [[(0, 2), (0, 4)], [(2, 4), (0, 4)]])
    t.reads(bundle.write(t.folder / "in" / "ck"), [judge.tensor(n, array, "float32") for n in ("dashes", "spelt")])
    t.refuses(hostile.with_slices([[(0, 2), (0, 6)], [(2, 2), (0, 6)]], listed=[[(0, 2), (0, -1)], [(2, 2), (0, 6)]])(
        t.folder / "mixed" / "ck"), 3, "[0:2, :]")


def whole_slice(t: Trial):
    bundle = Bundle()
    bundle.store(hostile.PAYLOAD)
    bundle.entries.append((b"w", entry_proto(1, (6,), size=24, crc=hostile.CRC, slices=[[(0, -1)]])))
    t.reads(bundle.write(t.folder / "in" / "ck"), [judge.tensor("w", hostile.VALUES, "float32")])


def orphans(t: Trial):
    bundle, array = Bundle(), ef.bits("float32", (3, 6))
    bundle.add("good", "float32", array)
    bundle.add(bw.slice_key(b"w\xff", [(0, 3), (0, 6)]), "float32", array)
    prefix = bundle.write(t.folder / "in" / "ck")
    t.problem(prefix, "w\udcff[0:3, 0:6]", 3, exclude="w*")


def odd_names(t: Trial):
    bundle, want = Bundle(), []
    for i, name in enumerate((b"nul\0in\xffside", b"with space", b"co:lon", b"n" * 300, "żółć".encode())):
        array = ef.bits("int32", (4, 3), i)
        text = name.decode("utf-8", "surrogateescape")
        for at in (0, 2):
            bundle.add(bw.slice_key(name, [(at, 2), (0, 3)]), "int32", array[at : at + 2])
        bundle.entries.append((name, entry_proto(ENUM["int32"], (4, 3), slices=[[(0, 2), (0, 3)], [(2, 2), (0, 3)]])))
        want.append(judge.tensor(text, array, "int32"))
    t.reads(bundle.write(t.folder / "in" / "ck"), want)


def any_slices(t: Trial):
    made = t.fresh()["slices_of_any_dtype"]
    t.reads(made.prefix, made.tensors)


def shared_bytes(t: Trial):
    bundle = Bundle()
    bundle.store(b"\xee" * 7)
    bundle.add("z", "float32", hostile.VALUES)
    bundle.store(b"\xee" * 9)
    bundle.add("a", "int16", np.arange(3, dtype=np.int16))
    bundle.add_payload(b"m", ENUM["float32"], (2, 3), b"", crc=bw.crc32c(hostile.PAYLOAD), offset=7, size=24)
    want = [judge.tensor("z", hostile.VALUES, "float32"), judge.tensor("a", np.arange(3, dtype=np.int16), "int16"),
            judge.tensor("m", hostile.VALUES.reshape(2, 3), "float32")]
    prefix = bundle.write(t.folder / "in" / "ck")
    t.reads(prefix, want)


def longer_shard(t: Trial):
    prefix, want = ef.plain(t.folder / "in" / "ck")
    with open(f"{prefix}.data-00000-of-00001", "ab") as data:
        data.write(b"more")
    t.reads(prefix, want)
    t.note(prefix, "4 bytes")


def state_files(t: Trial):
    prefix, want = ef.plain(t.folder / "in" / "ck-3")
    ef.plain(t.folder / "in" / "ck-9", name="other")
    state = prefix.parent / "checkpoint"
    for text in ('model_checkpoint_path: "ck-3"', 'model_checkpoint_path: "/gone/ck-3"', "model_checkpoint_path: 'ck-3' # x",
                 'model_checkpoint_path: "ck\\0553"', 'model_checkpoint_path: "gone" all_model_checkpoint_paths: "ck-3"'):
        state.write_text(text)
        for way in (prefix.parent, state):
            t.reads(way, want)
    for text in ("", "model_checkpoint_path", 'model_checkpoint_path: ""', "?"):
        state.write_text(text)
        t.refuses(prefix.parent, 2, "ck-3", "ck-9")
    Path(f"{prefix.parent}/ck-9.index").unlink()
    state.write_text('model_checkpoint_path: "nowhere"')
    t.reads(prefix.parent, want)
    old = t.folder / "old"
    _, v1_want = ef.v1(old / "m-00000-of-00001")
    (old / "checkpoint").write_text('model_checkpoint_path: "/gone/m-?????-of-00001"')
    t.reads(old, v1_want)


def crashed_save(t: Trial):
    folder, want = ef.unmerged(t.folder / "ck_temp")
    t.reads(folder, want)
    t.note(folder, "2 parts")
    assert {x.name for x in t.cli.hash(folder / "part-00000-of-00002", "--include", "a")[0]} == {"a"}
    Path(folder / "part-00001-of-00002.index").unlink()
    t.problem(folder, "part-00001-of-00002.index", 6, "part-00001-of-00002.index", exclude="[pc]*")


def temp_states(t: Trial):
    prefix, want = ef.plain(t.folder / "in" / "ck")
    for suffix in (".index", ".data-00000-of-00001"):
        shutil.copy(f"{prefix}{suffix}", f"{prefix}{suffix}.tempstate1234567890")
    t.reads(prefix.parent, want)


def v1_missing(t: Trial):
    path, _ = ef.v1(t.folder / "in" / "m-00000-of-00003")
    for way in (path, path.parent / "m", path.parent):
        t.problem(way, "m-00002-of-00003", 6, "m-00001-of-00003", "m-00002-of-00003", exclude="m-*")


def v1_shapes(t: Trial):
    table = v1_writer.V1(version=None)
    table.add("scalar", "float32", np.float32(1.5).reshape(()))
    table.add("matrix", "int8", ef.bits("int8", (3, 4)))
    t.reads(table.write(t.folder / "m"), [judge.tensor("scalar", np.float32(1.5).reshape(()), "float32"),
                                        judge.tensor("matrix", ef.bits("int8", (3, 4)), "int8")])


def v1_values(t: Trial):
    for i, count in enumerate((0, 3, 5)):
        table = v1_writer.V1()
        table.add("w", "int32", np.arange(4, dtype=np.int32), message=v1_writer.values(np.arange(count, dtype=np.int32), "int32"))
        t.problem(table.write(t.folder / f"m{i}.ckpt"), "w", 3, "values")
    table = v1_writer.V1()
    table.add("w", "int8", np.int8([-128, -1, 127]))
    assert b"\xff" * 9 + b"\x01" in dict(table.records)[bw.slice_key(b"w", [(0, -1)])]
    t.reads(table.write(t.folder / "m.ckpt"), [judge.tensor("w", np.int8([-128, -1, 127]), "int8")])


def saved_models(t: Trial):
    graphs.test_a_saved_model_without_variables_is_an_empty_checkpoint(t.cli, ef.sub(t.folder, "none"))
    graphs.test_a_saved_model_of_two_meta_graphs_shares_its_variables(t.cli, ef.sub(t.folder, "two"))


def consts(t: Trial):
    four = np.float32([1, 2, 3, 4])
    tensors = {"repeat": (field(5, four[:2].tobytes()), four[[0, 1, 1, 1]]), "zeros": (b"", four * 0)}
    graph = b"".join(graphs.node(n, graphs.message("float32", (4,), raw)) for n, (raw, _) in tensors.items())
    (t.folder / "good.pb").write_bytes(graph)
    t.reads(t.folder / "good.pb", [judge.tensor(n, a, "float32") for n, (_, a) in tensors.items()])
    bad = graphs.node("w", graphs.message("float32", (4,), field(4, four.tobytes()[:9])))
    (t.folder / "bad.pb").write_bytes(graph + bad)
    t.problem(t.folder / "bad.pb", "w", 3)


def beyond_4_gib(t: Trial):
    far = 5 << 30
    bundle = Bundle()
    bundle.entries.append((b"w", entry_proto(1, (6,), offset=far, size=24, crc=hostile.CRC)))
    prefix = bundle.write(t.folder / "in" / "ck")
    with open(f"{prefix}.data-00000-of-00001", "r+b") as data:
        data.seek(far)
        data.write(hostile.PAYLOAD)
    t.reads(prefix, [judge.tensor("w", hostile.VALUES, "float32")])


def large_graph(t: Trial):
    size = 300 << 20
    bundle = Bundle()
    bundle.add("w", "float32", hostile.VALUES)
    bundle.entries.append((b"_CHECKPOINTABLE_OBJECT_GRAPH", entry_proto(ENUM["string"], (), offset=24, size=size)))
    bundle.entries += [(f"key/{i}".encode(), hostile.GOOD_ENTRY) for i in range(5000)]
    prefix = bundle.write(t.folder / "in" / "ck")
    with open(f"{prefix}.data-00000-of-00001", "r+b") as data:
        data.truncate(24 + size)
    done, took = t.cli.measured("ls", prefix, "--names", "raw")
    done.succeeds()
    assert took["peak_kib"] < 64 * 1024 and "_CHECKPOINTABLE_OBJECT_GRAPH" in done.out


def replaced_index(t: Trial):
    """A writer replaces the checkpoint: the other index with the old data is caught, not mixed."""
    prefix, _ = ef.plain(t.folder / "in" / "ck")
    other, _ = ef.plain(t.folder / "other" / "ck", values=np.arange(100, dtype=np.float32))
    shutil.copy(f"{other}.index", f"{prefix}.index")
    t.refuses(prefix, 3, "w", "ck.data-00000-of-00001")
    same, _ = ef.plain(t.folder / "same" / "ck", values=hostile.VALUES[::-1].copy())
    shutil.copy(f"{same}.index", f"{prefix}.index")
    t.refuses(prefix, 3, "w", "checksum")


def leaves_nothing(t: Trial):
    prefix, want = ef.plain(t.folder / "in" / "ck")
    before = {p.name: p.stat().st_mtime_ns for p in prefix.parent.iterdir()}
    prefix.parent.chmod(0o555)
    try:
        t.reads(prefix, want)
        t.cli.convert(prefix, t.folder / "o.h5")
    finally:
        prefix.parent.chmod(0o755)
    assert before == {p.name: p.stat().st_mtime_ns for p in prefix.parent.iterdir()}
