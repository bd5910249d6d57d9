"""The completions of shells and the manual page, written by the program itself."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def commands(tf_cli) -> dict[str, list[str]]:
    """Every command with its options, as --help lists them."""
    overview = tf_cli("--help").succeeds().out
    names = re.findall(r"^  ([a-z]+) ", overview.split("tensorferry FILE")[1].split("\n\n")[1], re.MULTILINE)
    assert {"convert", "ls", "help"} <= set(names)
    return {name: re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", tf_cli(name, "--help").succeeds().out, re.MULTILINE)
            for name in names}


@pytest.fixture(scope="module")
def formats(tf_cli) -> list[str]:
    return sorted(one["name"] for one in json.loads(tf_cli("formats", "--json").out)["formats"])


@pytest.fixture(scope="module")
def bash(tf_cli, tmp_path_factory):
    """Completes the last of some words in a real bash."""
    folder, scripts = tmp_path_factory.mktemp("bash"), tmp_path_factory.mktemp("script")
    (folder / "weights.npz").touch()
    (folder / "with blank.npy").touch()
    (folder / "sub").mkdir()
    (scripts / "script").write_text(tf_cli("help", "--completion", "bash").succeeds().out)

    def complete(*words: str) -> list[str]:
        line = ["tensorferry", *words]
        script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tensorferry;'
                  ' if ((${#COMPREPLY[@]})); then printf "%s\\n" "${COMPREPLY[@]}"; fi; complete -p tensorferry >&2')
        done = subprocess.run(["bash", "--norc", "-euc", script, scripts / "script", *line], cwd=folder, capture_output=True,
                              text=True)
        assert done.returncode == 0 and "_tensorferry tensorferry" in done.stderr, done.stderr
        return sorted(done.stdout.splitlines())

    return complete


def test_bash_completes_commands_and_files(bash, commands):
    assert bash("") == sorted([*commands, "weights.npz", "with blank.npy", "sub"])
    assert bash("conv") == ["convert"]
    assert bash("weigh") == ["weights.npz"]
    assert bash("--v") == ["--version"]
    assert bash("convert", "w") == ["weights.npz", "with blank.npy"]
    assert bash("convert", "weights.npz", "--overwrite", "s") == ["sub"]
    assert bash("help", "conv") == ["convert"]


def test_bash_completes_every_option_of_every_command(bash, commands):
    for command, options in commands.items():
        assert "--help" in options
        assert [word for word in bash(command, "-") if word.startswith("--")] == sorted(options), command
    assert bash("convert", "a", "b", "--overw") == ["--overwrite"]


def test_bash_completes_values(bash, formats):
    assert bash("convert", "--to", "") == formats
    assert bash("ls", "--from", "saf") == ["safetensors"]
    assert bash("convert", "--to", "=") == formats
    assert bash("convert", "--to", "=", "saf") == ["safetensors"]
    assert bash("convert", "--progress", "") == ["auto", "json", "none"]
    assert bash("roundtrip", "x", "--via", "npz,saf") == ["npz,safetensors"]
    assert bash("formats", "hd") == ["hdf5"]
    assert bash("help", "--completion", "") == sorted(SHELLS)
    assert bash("diff", "--map", "w") == ["weights.npz", "with blank.npy"]
    assert bash("roundtrip", "--temp", "") == ["sub"]
    assert bash("convert", "--scope", "w") == []  # a name of a tensor: nothing is known of it


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_accepts_the_script(shell, tf_cli, commands, tmp_path):
    script = tf_cli("help", "--completion", shell).succeeds().out
    for command, options in commands.items():
        for option in options:
            assert re.search(rf"(--|-l ){option[2:]}\b", script), f"{command} {option}"
    (tmp_path / "script").write_text(script)
    done = subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_fish_completes_values(tf_cli, formats, tmp_path):
    (tmp_path / "script").write_text(tf_cli("help", "--completion", "fish").succeeds().out)

    def complete(line: str) -> list[str]:
        words = ["fish", "--no-config", "-c", f"source script; complete -C '{line}'"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "HOME": str(tmp_path)})
        assert done.returncode == 0 and not done.stderr, done.stderr
        return sorted(line.split("\t")[0] for line in done.stdout.splitlines())

    assert complete("tensorferry conv") == ["convert"]
    assert complete("tensorferry convert --to ") == formats
    assert complete("tensorferry convert --overw") == ["--overwrite"]
    assert complete("tensorferry roundtrip x --via npz,saf") == ["npz,safetensors"]


def test_help_takes_one_thing_at_a_time(tf_cli):
    tf_cli("help", "--completion", "tcsh").fails_with(2, "bash, zsh and fish")
    tf_cli("help", "--man", "--completion", "bash").fails_with(2)
    tf_cli("help", "convert", "--man").fails_with(2)
    tf_cli("help", "convrt").fails_with(2, "did you mean convert?")


def test_the_manual_page_has_every_command_option_and_exit_code(tf_cli, commands, formats):
    page = tf_cli("help", "--man").succeeds().out
    assert page.startswith(".TH TENSORFERRY 1 ")
    assert re.findall(r"^\.SS (\S+)$", page, re.MULTILINE) == list(commands)
    parts = dict(zip(commands, re.split(r"^\.SS .*\n", page, flags=re.MULTILINE)[1:]))
    for command, options in commands.items():
        found = re.findall(r"^(?:\\fB\\-\w\\fR, )?\\fB\\-\\-([a-z\\-]+)\\fR", parts[command], re.MULTILINE)
        assert ["--" + name.replace("\\", "") for name in found] == [o for o in options if o != "--help"], command
    status = page.split(".SH EXIT STATUS\n")[1].split(".SH ")[0]
    assert re.findall(r"^\\fB(\d+)\\fR$", status, re.MULTILINE) == "0 1 2 3 4 5 6 7 8 9 70".split()
    listed = page.split(".SH FORMATS\n")[1].split(".SH ")[0]
    assert sorted(re.findall(r"^\\fB(\w+)\\fR$", listed, re.MULTILINE)) == formats


@pytest.mark.parametrize("judge", ["groff -man -Tutf8 -ww -z", "mandoc -T lint -W warning"])
def test_the_manual_page_pleases(judge, tf_cli, tmp_path):
    words = judge.split()
    (tmp_path / "tensorferry.1").write_text(tf_cli("help", "--man").succeeds().out)
    done = subprocess.run([*words, tmp_path / "tensorferry.1"], capture_output=True, text=True)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line]
    assert not said, said
