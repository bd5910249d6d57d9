"""The edge cases of TensorFlow checkpoints, one line each. What a line says is tried with files made here; where TensorFlow
itself refuses or misreads such a file, the line has what is right.

`hostile.HOSTILE` names the files that lie behind right checksums, with the exit code that each must have.
"""

from __future__ import annotations

import pytest

import edge_files as ef
import edge_names as names
import edge_trials as trials
from bundle_writer import ENUM

# number -> what must hold, and the trial
CASES = {
    1: ("a prefix, .index, .data-*, .meta or folder", trials.every_way),
    2: ("a prefix with glob characters is literal", lambda t: t.reads(*ef.plain(t.folder / "in" / "ck[1]*?"))),
    3: ("V2 wins beside V1", trials.both_versions),
    4: ("V1 by its magic; a torch pickle called model.ckpt by its name", trials.v1_or_not),
    5: ("an index shorter than 48 bytes, or empty", trials.short_index),
    6: ("a Git-LFS pointer in place of data or index", trials.lfs),
    7: ("wrong magic", lambda t: t.lies("bad magic")),
    8: ("a block beyond the file, or sizes that overflow", lambda t: t.lies(
        "index block beyond the file", "index block of nearly 2^64 bytes", "offset plus size wraps")),
    9: ("a block checksum that is wrong", lambda t: t.lies("block checksum wrong")),
    10: ("snappy blocks, with a limit; other compressions refused", lambda t: (
        t.reads(*ef.plain(t.folder / "in" / "ck", compress=True)), t.lies("unknown compression", "snappy announces 4 GiB"))),
    11: ("long varints, too much shared, a value past its block", lambda t: t.lies(
        "varint of eleven bytes", "shares more than the previous key", "value runs past the block")),
    12: ("no restarts, or too many", lambda t: t.lies("a table of nothing", "restart array longer than the block")),
    13: ("several blocks under index keys that are no keys", lambda t: t.reads(*ef.separated(t.folder / "in" / "ck"))),
    14: ("keys that do not increase, or repeat", lambda t: t.lies("keys out of order", "a key twice")),
    15: ("no header", lambda t: t.lies("no header entry")),
    16: ("no version, a newer producer; refused: newer minimum reader", trials.versions),
    17: ("no shards only without tensors; a shard outside", trials.shard_counts),
    18: ("a missing shard fails its tensors only", trials.missing_shard),
    19: ("more than 99999 shards", trials.many_shards),
    20: ("offsets and sizes negative, past the end, overflowing", lambda t: t.lies(
        "offset past the end", "offset plus size overflows", "negative offset", "negative size")),
    21: ("a size that is not shape x dtype", lambda t: t.lies("size smaller than the shape", "size larger than the shape")),
    22: ("an absent checksum is 0", trials.absent_crc),
    23: ("scalars: no dimensions, or no shape at all", trials.scalars),
    24: ("no elements: no data file is needed", trials.zero_elements),
    25: ("unknown rank, negative and overflowing dimensions", lambda t: t.lies(
        "unknown rank", "negative dimension", "product overflows", "product overflows beside a zero")),
    26: ("dtypes that are none are listed by number", trials.odd_dtypes),
    27: ("named dimensions and unknown fields are ignored", trials.ignored_fields),
    28: ("bool bytes other than 0 and 1 are true", trials.bools),
    29: ("sub-byte types: upper bits are ignored", trials.sub_bytes),
    30: ("float8, bfloat16, half keep their bits", lambda t: trials.exact_bits(
        t, "bfloat16", "float16", *(d for d in ENUM if d.startswith("float8")))),
    31: ("NaN payloads, -0.0, subnormals", lambda t: trials.exact_bits(t, "float32", "float64", "complex64", "complex128")),
    32: ("string lengths past the payload; NUL and no UTF-8", trials.strings),
    33: ("bytes behind the last string", trials.trailing_strings),
    34: ("big-endian, swapped by component", trials.big_endian),
    35: ("a big-endian variant is refused, one-byte types are read", trials.big_endian_variant),
    36: ("slices in any order, in several shards, no grid", trials.cuts),
    37: ("slices that overlap, leave gaps, repeat, lie outside", lambda t: t.lies(
        "slices overlap", "slice missing", "slice listed twice", "slice past the end", "slice of another rank",
        "slice entry of another dtype", "slice entry missing", "slice entry of another shape")),
    38: ("a whole dimension and the same spelt out are two keys", trials.extents),
    39: ("one slice that is whole is the entry itself", trials.whole_slice),
    40: ("a slice that no tensor lists", trials.orphans),
    41: ("NUL, 0xff and other names of slices", trials.odd_names),
    42: ("slices of dtypes that TensorFlow cannot join", trials.any_slices),
    43: ("shared and unaligned bytes, gaps, any order", trials.shared_bytes),
    44: ("a shard that is longer than needed", trials.longer_shard),
    45: ("an object graph that is absent or no graph, with ids of no node, with cycles", names.unusable_graph),
    46: ("keys of the graph that are the start of keys", names.key_of_a_table),
    47: ("full names that several have; keys that start with /", names.names_that_are_not_unique),
    48: ("slot variables that only slot_variables reaches", names.slot_variables),
    49: ("a Keras 3 export stores weights twice", names.stored_twice),
    50: ("the file `checkpoint`: relative, moved, V1, empty, malformed, quotes, escapes, stale", trials.state_files),
    51: ("P_temp/part-* of a save that crashed", trials.crashed_save),
    52: (".tempstate files are ignored", trials.temp_states),
    53: ("a V1 shard that is missing is named", trials.v1_missing),
    54: ("V1: scalars, whole tensors, no version", trials.v1_shapes),
    55: ("V1: the wrong number of values; negative int8 in ten bytes", trials.v1_values),
    56: ("a SavedModel without variables; two meta graphs", trials.saved_models),
    57: ("constants: the last repeats, none are zeros, the wrong size", trials.consts),
    58: ("offsets beyond 4 GiB", trials.beyond_4_gib),
    59: ("buckets of a DenseHashTable", names.hash_tables),
    60: ("a large object graph and many keys are listed without being read", trials.large_graph),
    61: ("an index that was replaced meanwhile", trials.replaced_index),
    62: ("nothing is created beside the checkpoint", trials.leaves_nothing),
}


@pytest.mark.parametrize("number", CASES, ids=[f"{n}: {what}" for n, (what, _) in CASES.items()])
def test_edge_case(number, tf_cli, tmp_path, fixtures_root, request):
    trial = trials.Trial(tf_cli, tmp_path, fixtures_root, lambda: request.getfixturevalue("fresh_checkpoints"))
    CASES[number][1](trial)
