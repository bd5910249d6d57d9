"""The table of docs/dtypes.md from what the program says of itself.

usage: dtype_table.py PROGRAM [--write]     prints the table, or puts it into the page
"""

import json
import pathlib
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "dtypes.md"
BEGIN, END = "<!-- table: made by tools/dtype_table.py -->\n", "<!-- end of table -->\n"
WORDS = {"sx": "sign-extended", "codes": "codes", "bits": "same bits", "last2": "pairs", "last16": "16 bytes",
         "strpair": "two arrays"}


def cell(held):
    if held is None:
        return "refused"
    if held["carrier"] == "native":
        return "native"
    return f"{WORDS[held['carrier']]} as {held['dtype']}" if held["carrier"] != "strpair" else WORDS["strpair"]


def table(program):
    out = subprocess.run([program, "formats", "--json"], check=True, capture_output=True).stdout
    formats = [f for f in json.loads(out)["formats"] if "dtypes" in f]
    rows = [["dtype", *(f["name"] for f in formats)]]
    rows.append(["---"] * len(rows[0]))
    rows += [[dtype, *(cell(f["dtypes"][dtype]) for f in formats)] for dtype in formats[0]["dtypes"]]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def stored():
    text = PAGE.read_text()
    return text[text.index(BEGIN) + len(BEGIN):text.index(END)]


def main():
    made = table(sys.argv[1])
    if "--write" in sys.argv[2:]:
        PAGE.write_text(PAGE.read_text().replace(BEGIN + stored() + END, BEGIN + made + END))
    else:
        print(made, end="")


if __name__ == "__main__":
    main()
