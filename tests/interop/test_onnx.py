"""onnx and onnxruntime read back the bits of every model that tensorferry writes."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.external_data_helper import uses_external_data

import judge
import readback
from arrays import STRINGS, bits
from raw_input import write_raw


def external(*options: str) -> list[str]:
    return [w for o in options for w in ("--out-opt", o)]


def test_onnx_reads_every_bit(checkpoint, tf_cli, tmp_path):
    prefix, want = checkpoint
    tf_cli.convert(prefix, tmp_path / "out.onnx")
    judge.assert_same(readback.onnx_file(tmp_path / "out.onnx"), judge.weights(want), str(prefix))


def test_onnxruntime_gives_every_bit_that_it_can_host(checkpoint, tf_cli, tmp_path):
    prefix, want = checkpoint
    tf_cli.convert(prefix, tmp_path / "out.onnx")
    got = readback.onnxruntime_outputs(tmp_path / "out.onnx")
    expected = {t.name: t for t in judge.weights(want) if t.dtype not in readback.NO_OUTPUT}
    missing = [t for t in expected.values() if t.name not in {g.name for g in got}]
    assert all(t.dtype == "string" for t in missing), missing  # text that is not UTF-8 cannot become a Python str
    judge.assert_same(got, [expected[g.name] for g in got], str(prefix))


@pytest.mark.parametrize("options", [("external=always",), ("external=auto", "external_threshold=100"),
                                     ("external=auto", "external_threshold=1M"), ("external=never",)], ids=" ".join)
@pytest.mark.parametrize("label", ["every_dtype", "odd_shapes", "slices_of_any_dtype"])
def test_external_data_changes_no_bit(label, options, fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints[label]
    tf_cli.convert(made.prefix, tmp_path / "m.onnx", *external(*options))
    want = judge.weights(made.tensors)
    judge.assert_same(readback.onnx_file(tmp_path / "m.onnx"), want)
    hosted = {t.name: t for t in want if t.dtype not in readback.NO_OUTPUT}
    got = readback.onnxruntime_outputs(tmp_path / "m.onnx")
    judge.assert_same(got, [hosted[g.name] for g in got])
    assert {t.name for t in want if t.dtype in ("float32", "bfloat16", "int4")} <= {g.name for g in got}


def test_external_data_lies_in_one_file_named_after_the_model(tf_cli, tmp_path):
    tensors = {"big": ("float32", bits("float32", (100, 100))), "small": ("float32", bits("float32", (3,))),
               "empty": ("float32", np.zeros((0, 3), np.float32)), "text": ("string", np.array([b"a"], dtype=object))}
    source = write_raw(tmp_path / "in", tensors)

    def made(*options):
        folder = tmp_path / "-".join(options).replace("=", "_")
        folder.mkdir()
        tf_cli.convert(source, folder / "MODEL.onnx", *external(*options))
        model = onnx.load(str(folder / "MODEL.onnx"), load_external_data=False)
        outside = {p.name: {e.key: e.value for e in p.external_data} for p in model.graph.initializer if uses_external_data(p)}
        files = sorted(p.name for p in folder.iterdir())
        assert files == (["MODEL.onnx", "MODEL.onnx.data"] if outside else ["MODEL.onnx"])
        for keys in outside.values():
            assert set(keys) <= {"location", "offset", "length", "checksum"} and keys["location"] == "MODEL.onnx.data"
            assert keys["offset"].isdigit() and keys["length"].isdigit()
        return set(outside)

    assert made("external=never") == set()
    assert made("external=auto") == set(), "small models stay in one file"
    assert "big" in made("external=always") and "text" not in made("external=always", "external_threshold=0")
    assert made("external=always", "external_threshold=1000") == {"big"}
    assert made("external=always", "external_threshold=100000") == set()


def test_the_external_file_follows_the_umask_and_has_one_link(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"w": ("float32", bits("float32", (50, 50)))})
    tf_cli.convert(source, tmp_path / "m.onnx", *external("external=always"), umask=0o027)
    for name in ("m.onnx", "m.onnx.data"):
        state = (tmp_path / name).stat()
        assert (state.st_mode & 0o777, state.st_nlink) == (0o640, 1), name


def test_the_model_says_no_more_than_its_types_need(tf_cli, tmp_path):
    """Old readers load what old types are in: IR 8 and opset 17 until a type asks for more."""
    needs = {"float32": (8, 17), "float8_e5m2": (9, 19), "int4": (10, 21), "float4_e2m1fn": (11, 23),
             "float8_e8m0fnu": (12, 24), "int2": (13, 25), "float6_e2m3fn": (14, 28)}
    for dtype, (ir, opset) in needs.items():
        source = write_raw(tmp_path / dtype, {"w": (dtype, bits(dtype, (3, 5)))})
        tf_cli.convert(source, tmp_path / f"{dtype}.onnx")
        model = onnx.load(str(tmp_path / f"{dtype}.onnx"))
        assert model.ir_version == ir, dtype
        assert [(o.domain, o.version) for o in model.opset_import] == [("", opset)], dtype
        judge.assert_same(readback.onnx_file(tmp_path / f"{dtype}.onnx"), [judge.tensor("w", bits(dtype, (3, 5)), dtype)])


def test_types_that_onnxruntime_cannot_host_are_initializers_without_an_output(tf_cli, tmp_path):
    tensors = {d: (d, bits(d, (2, 3))) for d in ("complex64", "complex128", "float6_e2m3fn", "float6_e3m2fn", "float32")}
    tf_cli.convert(write_raw(tmp_path / "in", tensors), tmp_path / "m.onnx")
    model = onnx.load(str(tmp_path / "m.onnx"))
    assert [o.name for o in model.graph.output] == ["float32"]
    assert {i.name for i in model.graph.initializer} == set(tensors) and not model.graph.node and not model.graph.input
    (got,) = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"]).run(None, {})
    np.testing.assert_array_equal(got.view("<u4"), tensors["float32"][1].view("<u4"))


def test_the_logical_dtype_is_in_the_metadata_where_onnx_has_no_type(fresh_checkpoints, tf_cli, tmp_path):
    tf_cli.convert(fresh_checkpoints["every_dtype"].prefix, tmp_path / "m.onnx")
    tags = readback.onnx_tags(onnx.load(str(tmp_path / "m.onnx")))
    assert set(tags) == {"qint8", "quint8", "qint16", "quint16", "qint32", "float8_e4m3b11fnuz"}
    for name, tag in tags.items():
        assert tag["dtype"] == name and tag["carrier"] in ("bits", "codes") and tag["shape"] == [16, 17], tag
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    assert "tensorferry.tensors" in session.get_modelmeta().custom_metadata_map


def test_strings_keep_arbitrary_bytes(tf_cli, tmp_path):
    values = np.array(STRINGS, dtype=object)
    tf_cli.convert(write_raw(tmp_path / "in", {"any": ("string", values)}), tmp_path / "m.onnx", *external("external=always"))
    (proto,) = onnx.load(str(tmp_path / "m.onnx")).graph.initializer
    assert list(proto.string_data) == STRINGS


def test_a_model_of_which_nothing_can_be_an_output_still_loads(tf_cli, tmp_path):
    """onnxruntime makes no session for a graph without outputs; a placeholder that the metadata names helps."""
    source = write_raw(tmp_path / "in", {"c": ("complex64", bits("complex64", (2,)))})
    tf_cli.convert(source, tmp_path / "m.onnx")
    tf_cli.convert(source, tmp_path / "none.onnx", "--include", "nothing", "--allow-empty")
    for model in ("m.onnx", "none.onnx"):
        onnxruntime.InferenceSession(str(tmp_path / model), providers=["CPUExecutionProvider"]).run(None, {})
    judge.assert_same(readback.onnx_file(tmp_path / "m.onnx"), [judge.tensor("c", bits("complex64", (2,)), "complex64")])
    assert readback.onnx_file(tmp_path / "none.onnx") == []


def test_the_empty_name_is_escaped_and_tagged(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"": ("int32", np.zeros(2, np.int32)), "w": ("int32", np.zeros(2, np.int32))})
    tf_cli.convert(source, tmp_path / "m.onnx")
    judge.assert_same(readback.onnx_file(tmp_path / "m.onnx"),
                      [judge.tensor(n, np.zeros(2, np.int32), "int32") for n in ("", "w")])
