"""docs/dtypes.md says what the code says, and every cell is native, carried or refused."""

from __future__ import annotations

import importlib.util
import json


def load_tool(repository):
    spec = importlib.util.spec_from_file_location("dtype_table", repository / "tools" / "dtype_table.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_the_page_is_what_the_program_says(tf_cli, repository):
    tool = load_tool(repository)
    made = tool.table(tf_cli.program)
    assert tool.stored() == made, f"run: python3 tools/dtype_table.py {tf_cli.program} --write"
    assert made.count("\n") > 30


def test_every_cell_is_known(tf_cli):
    formats = json.loads(tf_cli("formats", "--json").succeeds().out)["formats"]
    carriers = {"native", "sx", "codes", "bits", "last2", "last16", "strpair"}
    cells = [c for f in formats for c in f.get("dtypes", {}).values()]
    assert len(cells) > 100
    assert all(c is None or c["carrier"] in carriers for c in cells)
