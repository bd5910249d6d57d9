"""The rules of the repository that no compiler knows. Prints each breach; exits 1 if there is one."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_LINES = 400  # CONTRIBUTING.md: files stay small enough to be read in one go
MAX_BYTES = 1 << 20
SOURCE = {".h", ".cpp", ".py", ".sh", ".cmake"}
SOURCE_NAMES = {"dev", "run", "CMakeLists.txt"}
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
LISTS_FOLDERS = "src/io/list_directory.cpp"
MACHINE_PATH = re.compile(r"(?<![\w./~})-])/(?:home|root|work|Users)/[\w.-]+")


def project_files():
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    paths = sorted({name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name})
    return [path for path in paths if (ROOT / path).is_file()]


def breaches(paths):
    formats = {path.split("/")[1] for path in paths if path.startswith("converters/") and path.count("/") > 1}
    for path in paths:
        file = ROOT / path
        size = file.stat().st_size
        if size > MAX_BYTES:
            yield f"{path}: {size} bytes, the limit is {MAX_BYTES}"
            continue
        content = file.read_bytes()
        if b"\0" in content:
            continue
        text = content.decode("utf-8", "replace")
        if file.suffix in SOURCE or file.name in SOURCE_NAMES:
            lines = text.count("\n")
            if lines > MAX_LINES:
                yield f"{path}: {lines} lines, the limit is {MAX_LINES}"
        for match in MACHINE_PATH.finditer(text):
            yield f"{path}: the path of one machine: {match.group()}"
        if path.startswith(("src/", "converters/")) and path != LISTS_FOLDERS and re.search(r"\breaddir\s*\(", text):
            yield f"{path}: readdir forgets errors: {LISTS_FOLDERS} does not"
        if file.suffix in {".h", ".cpp"}:
            yield from wrong_includes(path, text, formats)
        if path.startswith("include/") and re.search(r"^namespace tensorferry \{\n(?!class \w+;)", text, re.MULTILINE):
            yield f"{path}: its namespace lacks TENSORFERRY_API: the shared library would not have its functions"


def wrong_includes(path, text, formats):
    """Core never names a format, and a format never includes another's folder."""
    top, *rest = path.split("/")
    if top not in {"include", "src", "converters"}:
        return
    own = rest[0] if top == "converters" and rest else None
    for included in INCLUDE.findall(text):
        parts = [part for part in included.split("/") if part not in {".", ".."}]
        if top in {"include", "src"} and "converters" in parts:
            yield f"{path}: includes a converter: {included}"
        elif len(parts) > 1:
            folder = parts[1] if parts[0] == "converters" and len(parts) > 2 else parts[0]
            if folder in formats and folder != own and (ROOT / "converters" / folder / parts[-1]).is_file():
                yield f"{path}: includes the folder of format {folder}: {included}"


if __name__ == "__main__":
    found = list(breaches(project_files()))
    print("\n".join(found) if found else "no breach")
    sys.exit(1 if found else 0)
