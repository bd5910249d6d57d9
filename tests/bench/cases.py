"""The rows of the table: what is run, against what, and what it may cost."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Case:
    """`{in}`, `{out}` stand in the arguments; `goals` are times the reference, with 2 threads and with 1."""

    group: str
    label: str
    source: str  # a workload
    arguments: list[str]  # of tensorferry
    out: str  # the name of the output in a fresh folder
    goals: tuple[float, float] | None
    peer: list[str] | None = None
    reference: str = "cp"  # cp, cp-sync, cp-output (of what was written), cmp
    peak_mib: int = 32
    limit: list[str] | None = None  # of the program limit; {files} are those of the input that hold the elements
    times: int = 1  # so many times the usual number of rounds: runs of some milliseconds need them
    many: bool = False  # the output is thousands of files


ENTRIES = {"w1": "model.ckpt", "w2": "model.ckpt", "w3": "model.ckpt", "w5": "model.ckpt", "raw": "", "npy": "arrays",
           "safetensors": "model.safetensors", "h5": "model.h5", "onnx": "model.onnx", "equal": ""}  # fmt: skip

# target: name of the output, arguments, the peer's name for it
# What holds the elements of a workload, and how many tensors these are.
ELEMENTS = {"w1": "model.ckpt.data*", "w2": "model.ckpt.data*", "w3": "model.ckpt.data*", "w5": "model.ckpt.data*",
            "raw": "weights.bin", "npy": "arrays/*.npy", "safetensors": "*.safetensors", "h5": "*.h5", "onnx": "*.onnx",
            "equal": "*"}  # fmt: skip
TENSORS = {"w2": 20_000, "w3": 10, "w5": 16}

TARGETS = {
    "npy": ("out", ["--to", "npy"], "npy"),
    "raw": ("out", ["--to", "raw"], "raw"),
    "safetensors": ("out.safetensors", [], "safetensors"),
    "ONNX": ("out.onnx", ["--out-opt", "external=never"], "onnx"),
    "ONNX external": ("out.onnx", ["--out-opt", "external=always"], "onnx_external"),
    "HDF5": ("out.h5", [], "h5"),
    "HDF5 deflate": ("out.h5", ["--out-opt", "compression=gzip", "--out-opt", "level=1"], "h5_gzip"),
    "npz": ("out.npz", [], "npz"),
}


def convert(group, source, target, goals, **more) -> Case:
    out, extra, peer_target = TARGETS[target]
    peer = [{"w1": "tf", "w2": "tf", "w3": "tf", "w5": "tf"}.get(source, source), peer_target, "{in}", "{out}"]
    shown = {"h5": "HDF5", "onnx": "ONNX"}.get(source, source) if group == "W4" else "TF"
    return Case(group, f"{shown} -> {target}", source, ["convert", "{in}", "{out}", "--no-sync", "-q", *extra], out,
                goals, **({"peer": peer, "limit": copy(source, target)} | more))  # fmt: skip


def copy(source, target, *options) -> list[str]:
    """Checkpoints have checksums, and so have the manifests of raw bytes and of .npy files; a folder has a file for each
    tensor, and W2 is of small pieces."""
    if source.startswith("w") or target in ("raw", "npy"):
        options = ("--crc", *options)
    if source == "w2" and target != "npy":
        options = ("--pieces", *options)
    count = TENSORS.get(source, 100) if target == "npy" else 1
    return [*options, "copy", str(count), "{out}", "{files}"]


def edit(label, option, peer, goals, *limit) -> Case:
    return Case("edits", label, "raw", ["convert", "{in}", "{out}", "--to", "npy", "--no-sync", "-q", *option], "out",
                goals, ["raw", "npy", "{in}", "{out}", peer], limit=[*limit, "copy", "100", "{out}", "{files}"])  # fmt: skip


def all_cases() -> list[Case]:
    cases = [convert("W1", "w1", target, (0.65, 1.15))
             for target in ("npy", "raw", "safetensors", "ONNX", "ONNX external", "HDF5")]  # fmt: skip
    cases.append(dataclasses.replace(cases[2], label="TF -> safetensors, synced", goals=(1.3, 1.3), peer=None,
                                     arguments=["convert", "{in}", "{out}", "-q"], reference="cp-sync",
                                     limit=copy("w1", "safetensors", "--sync")))  # fmt: skip
    cases.append(convert("W1", "w1", "HDF5 deflate", (16, 30), peak_mib=128, limit=None))
    cases += [convert("W2", "w2", target, (2.0, 2.4), times=3) for target in ("safetensors", "ONNX", "npz", "raw")]
    cases.append(convert("W2", "w2", "HDF5", (30, 30)))
    cases.append(convert("W2", "w2", "npy", (0.6, 0.85), reference="cp-output", many=True))
    cases += [convert("W3", "w3", target, (1.5, 1.5), times=15)
              for target in ("npy", "raw", "safetensors", "ONNX", "HDF5", "npz")]  # fmt: skip
    cases.append(Case("W3", "ls", "w3", ["ls", "{in}"], "out", (0.5, 0.5), limit=["nothing"], times=15))
    cases.append(Case("W3", "--version", "w3", ["--version"], "out", (0.5, 0.5), limit=["nothing"], times=15))
    own = {"raw": "raw", "npy": "npy", "safetensors": "safetensors", "onnx": "ONNX", "h5": "HDF5"}
    cases += [convert("W4", source, target, (0.62, 1.0))
              for source, same in own.items() for target in own.values() if target != same]  # fmt: skip
    cases.append(convert("W4", "h5", "HDF5", (0.62, 1.0), peer=["h5repack", "{in}", "{out}"]))
    # ztensor writes one format, raw elements in pages of 64 KiB with digests: nearest to this row.
    cases.append(dataclasses.replace(convert("W4", "safetensors", "raw", (0.62, 1.0), peer=["safetensors", "zt", "{in}", "{out}"]),
                                     label="safetensors -> raw; ztensor -> .zt"))  # fmt: skip
    cases.append(convert("W5", "w5", "npy", (0.70, 1.2)))
    cases += [
        edit("f32 -> bf16", ["--cast", "*=bfloat16"], "bfloat16", (0.6, 1.0), "--bf16"),
        edit("f32 -> f16", ["--cast", "*=float16"], "float16", (0.6, 1.0), "--bf16"),
        edit("transpose", ["--transpose", "*=1,0"], "transpose", (0.8, 1.4), "--transpose", "1024"),
    ]
    cases.append(Case("diff", "raw, safetensors", "raw", ["diff", "{in}", "{root}/safetensors/model.safetensors", "-q"],
                      "out", (0.7, 1.2), reference="cmp", limit=["compare", "{equal}/a", "{equal}/b"]))  # fmt: skip
    return cases
