"""A thousand files at once: the same files whether it ran through, was killed, or was split; failures; memory."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from batch_inputs import assert_holds, entries, events, make_inputs, outputs, write_jobs

THOUSAND = 1000
MIB = 1 << 20
ENTRY_BYTES = 700  # of a job in the journal, about


@pytest.fixture(scope="module")
def thousand(tmp_path_factory, tf_cli):
    """The folder of inputs, what they hold, and the files of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("thousand")
    made = make_inputs(folder / "in", THOUSAND)
    done = tf_cli("batch", "--in", folder / "in", "--out", folder / "whole", "--to", "safetensors", "--no-sync",
                  "-j", "2").succeeds()
    assert done.out.split()[:2] == ["ok", str(THOUSAND)], done
    return folder / "in", made, outputs(folder / "whole"), folder / "whole"


def finished(journal: Path) -> int:
    return journal.read_bytes().count(b'"state":"finished"') if journal.exists() else 0


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def kill_repeatedly(tf_cli, words, journal: Path, jobs: int, seed: int, kills: int = 10) -> list[int]:
    """Runs the batch and kills it at seeded moments of its work; how many jobs were recorded at each."""
    dice = random.Random(seed)
    recorded = [0]
    for left in range(kills, 0, -1):
        # so many jobs on from here that the last kill, too, finds some left
        jobs_on = dice.random() * 2 * (jobs - recorded[-1]) / (left + 2)
        moment = size_of(journal) + jobs_on * ENTRY_BYTES
        process = tf_cli.start(*words, "--resume")
        while size_of(journal) < moment:
            assert process.poll() is None, process.communicate()
            time.sleep(0.0001)
        time.sleep(dice.random() * 0.001)
        process.kill()
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        recorded.append(finished(journal))
    assert recorded == sorted(recorded) and 0 < recorded[1] and recorded[-1] < jobs, recorded
    assert len(set(recorded)) > kills // 2, f"most runs got something done: {recorded}"
    return recorded[1:]


def test_a_thousand_files_are_converted(thousand):
    _, made, files, whole = thousand
    assert len(files) == THOUSAND
    assert_holds(whole, made)


def test_ten_kills_and_a_resume_give_the_same_files(thousand, tf_cli, tmp_path):
    inputs, _, files, _ = thousand
    words = ("batch", "--in", inputs, "--out", tmp_path, "--to", "safetensors", "--no-sync", "-j", "2")
    recorded = kill_repeatedly(tf_cli, words, tmp_path / "tensorferry.journal", THOUSAND, seed=11)
    done = tf_cli(*words, "--resume").succeeds()
    assert int(done.out.split("skipped")[1].split()[0]) >= recorded[-1]
    assert outputs(tmp_path) == files
    again = tf_cli(*words, "--resume").succeeds()
    assert again.out.split("skipped")[1].split()[0] == str(THOUSAND)


def test_outputs_of_several_files_survive_kills(thousand, tf_cli, tmp_path):
    """Folders, checkpoints and compressed files, synced; jobs as lines. Then all of them at once back again."""
    inputs, made, _, _ = thousand
    sources = sorted(inputs.rglob("*.np[yz]"))[:150]
    forms = [{"to": "raw"}, {"to": "tensorflow", "out-opt": "shards=3"}, {"to": "hdf5", "out-opt": "compression=gzip"},
             {"to": "onnx", "out-opt": "external=always"}, {"to": "npz"}]
    trees = []
    for folder in ("whole", "killed"):
        jobs = [{"in": str(file), "out": str(tmp_path / folder / f"{i % 4}/m{i}"), **forms[i % len(forms)]}
                for i, file in enumerate(sources)]
        words = ("batch", write_jobs(tmp_path / f"{folder}.jsonl", jobs), "-j", "3")
        if folder == "killed":
            kill_repeatedly(tf_cli, words, tmp_path / "killed.jsonl.journal", len(jobs), seed=23)
        tf_cli(*words, "--resume").succeeds()
        trees.append(outputs(tmp_path / folder))
    assert trees[0] == trees[1] and len(trees[0]) > 150
    assert not [f for f in (tmp_path / "killed").rglob("*") if f.name.startswith(".")], "the resume cleans up"
    tf_cli("batch", "--in", tmp_path / "killed", "--out", tmp_path / "back", "--to", "safetensors", "--no-sync", "-j", "4",
           "--names", "raw").succeeds()
    assert_holds(tmp_path / "back", {f"{i % 4}/m{i}": made[str(file.relative_to(inputs).with_suffix(""))]
                                     for i, file in enumerate(sources)})


def test_two_processes_share_the_work(thousand, tf_cli, tmp_path):
    inputs, _, files, _ = thousand
    words = ("batch", "--in", inputs, "--out", tmp_path, "--to", "safetensors", "--no-sync", "-j", "1")
    running = [tf_cli.start(*words, "--shard", f"{i}/2") for i in (1, 2)]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0 and out.split()[:2] == [b"ok", b"500"], (out, err)
    assert outputs(tmp_path) == files
    assert sorted(f.name for f in tmp_path.glob("*journal*")) == [f"tensorferry.journal.{i}-of-2" for i in (1, 2)]
    whole = tf_cli(*words, "--resume").succeeds()
    assert whole.out.split("skipped")[1].split()[0] == str(THOUSAND), "what shards did is done"


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Eight arrays of 24 MiB that take no disk, in column-major order: each must be gathered through large windows."""
    folder = tmp_path_factory.mktemp("large")
    for i in range(8):
        header = f"{{'descr': '<f4', 'fortran_order': True, 'shape': ({6 * 1024}, 1024), }}".ljust(117) + "\n"
        with open(folder / f"a{i}.npy", "wb") as file:
            file.write(b"\x93NUMPY\x01\x00\x76\x00" + header.encode())
            file.truncate(128 + 24 * MIB)
    return folder


def test_all_jobs_together_stay_within_the_memory_limit(large, tf_cli, tmp_path):
    overhead = 8 * 1024  # KiB: the program itself, and what it knows of the files
    words = ("batch", "--in", large, "--to", "safetensors", "--no-sync", "-j", "4")
    peaks = {}
    for limit in (32, 64, 512):
        done, took = tf_cli.measured(*words, "--out", tmp_path / str(limit), "--memory-limit", f"{limit}M")
        assert done.code == 0, done
        peaks[limit] = took["peak_kib"]
        if limit < 512:
            assert peaks[limit] < limit * 1024 + overhead, peaks
    assert peaks[512] > 32 * 1024 + overhead, f"the limit is what holds it: {peaks}"
    assert outputs(tmp_path / "32") == outputs(tmp_path / "64") == outputs(tmp_path / "512")


@pytest.fixture
def five(tmp_path):
    """Five jobs as lines; the third input is cut."""
    jobs = []
    for i in range(5):
        np.save(tmp_path / f"a{i}.npy", np.arange(20 + i, dtype=np.float32))
        jobs.append({"in": str(tmp_path / f"a{i}.npy"), "out": str(tmp_path / f"out/a{i}.safetensors")})
    cut = tmp_path / "a2.npy"
    cut.write_bytes(cut.read_bytes()[:-3])
    return tmp_path, jobs


def names(folder: Path) -> list[str]:
    return sorted(f.name for f in folder.glob("out/*"))


def test_the_first_failure_stops_the_batch(five, tf_cli):
    folder, jobs = five
    done = tf_cli("batch", write_jobs(folder / "jobs.jsonl", jobs), "-j", "1").fails_with(3, "a2.npy")
    assert names(folder) == ["a0.safetensors", "a1.safetensors"]
    assert [line.split()[:2] for line in done.out.splitlines()[:3]] == [["ok", "2"], ["skipped", "0"], ["failed", "1"]]
    assert "corrupt." in done.out and "a2.npy -> " in done.out


def test_keep_going_does_the_others_and_the_worst_code_counts(five, tf_cli):
    folder, jobs = five
    jobs[4]["in"] = str(folder / "nothing.npy")
    jobs[3]["exclude"] = "*"
    done = tf_cli("batch", write_jobs(folder / "jobs.jsonl", jobs), "--keep-going", "--progress", "json")
    assert done.code == 3, done
    told = events(done.err)
    errors = {e["index"]: e["error"] for e in told if e["event"] == "failed"}
    assert errors.keys() == {2, 3, 4} and errors[2].startswith("corrupt.") and errors[4] == "input.missing", errors
    assert errors[3].startswith("usage.")
    ends = [e for e in told if e["event"] == "finished"]
    assert {e["index"] for e in ends} == {0, 1}
    for event in ends:
        file = Path(event["out"])
        assert event["bytes"] == file.stat().st_size and event["seconds"] >= 0 and event["in"] == jobs[event["index"]]["in"]
    assert told[-1]["event"] == "summary" and told[-1]["failed"] == 3 and told[-1]["finished"] == 2
    jobs[2]["in"] = jobs[1]["in"]
    only_others = tf_cli("batch", write_jobs(folder / "jobs.jsonl", jobs), "--keep-going", "--resume")
    assert only_others.code == 6, "missing is worse than usage"
    assert names(folder) == ["a0.safetensors", "a1.safetensors", "a2.safetensors"]


def test_resume_does_again_what_is_no_longer_as_it_was(five, tf_cli):
    folder, jobs = five
    del jobs[2]
    file = write_jobs(folder / "jobs.jsonl", jobs)
    tf_cli("batch", file).succeeds()
    first = {f.name: f.stat().st_ino for f in folder.glob("out/*")}

    np.save(folder / "a0.npy", np.ones(7, np.float32))  # an input has changed
    (folder / "out/a1.safetensors").unlink()  # an output is gone
    jobs[2]["include"] = "a3"  # other options
    write_jobs(file, jobs)
    told = events(tf_cli("batch", file, "--resume", "--progress", "json").succeeds().err)
    assert {e["index"]: e["event"] for e in told if e["event"] in ("skipped", "finished")} == {
        0: "finished", 1: "finished", 2: "finished", 3: "skipped"}
    assert load_file(folder / "out/a0.safetensors")["a0"].tolist() == [1] * 7
    assert load_file(folder / "out/a1.safetensors")["a1"].tolist() == list(range(21))
    assert (folder / "out/a4.safetensors").stat().st_ino == first["a4.safetensors"]


def test_resume_after_a_kill_between_output_and_record(five, tf_cli):
    folder, jobs = five
    del jobs[2]
    file, journal = write_jobs(folder / "jobs.jsonl", jobs), folder / "jobs.jsonl.journal"
    tf_cli("batch", file, "-j", "1").succeeds()
    whole, lines = outputs(folder / "out"), journal.read_text().splitlines(keepends=True)
    assert [e["state"] for e in entries(journal)] == ["started", "finished"] * 4

    journal.write_text("".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2])  # torn
    (folder / "out/a4.safetensors").write_bytes(b"whatever it may be")
    done = tf_cli("batch", file, "--resume").succeeds()
    assert done.out.split("skipped")[1].split()[0] == "3" and outputs(folder / "out") == whole

    journal.write_text("".join(lines[:-2]))  # nothing is known of the last output: not ours to replace
    (folder / "out/a4.safetensors").write_bytes(b"somebody's")
    tf_cli("batch", file, "--resume").fails_with(7, "output.exists", "a4.safetensors")
    assert (folder / "out/a4.safetensors").read_bytes() == b"somebody's"
    tf_cli("batch", file, "--resume", "--overwrite").succeeds()
    assert outputs(folder / "out") == whole


def test_an_output_that_was_changed_since_is_not_replaced(five, tf_cli):
    folder, jobs = five
    file = write_jobs(folder / "jobs.jsonl", jobs[:2])
    tf_cli("batch", file).succeeds()
    (folder / "out/a1.safetensors").write_bytes(b"edited by hand")
    tf_cli("batch", file, "--resume").fails_with(7, "output.exists")
    assert (folder / "out/a1.safetensors").read_bytes() == b"edited by hand"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_batch_and_leaves_nothing_unfinished(number, large, tf_cli, tmp_path):
    words = ("batch", "--in", large, "--out", tmp_path, "--to", "npz", "--no-sync", "-j", "2")
    process = tf_cli.start(*words)
    while finished(tmp_path / "tensorferry.journal") < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == -number, (out, err)
    done = finished(tmp_path / "tensorferry.journal")
    assert 2 <= done < 8 and b"not done" in out
    left = sorted(f.name for f in tmp_path.iterdir())
    assert len(left) == done + 1 and not any(name.startswith(".") for name in left), left
    tf_cli(*words, "--resume").succeeds()
    assert len(list(tmp_path.glob("*.npz"))) == 8


def test_edits_are_options_of_a_line_and_a_changed_map_is_another_job(five, tf_cli):
    folder, jobs = five
    names = folder / "names.json"
    names.write_text('{"a0": "first"}')
    lines = [{**jobs[0], "map": str(names)}, {**jobs[1], "cast": "*=float16", "metadata": ["made=here", "by=me"]}]
    file = write_jobs(folder / "jobs.jsonl", lines)
    told = events(tf_cli("batch", file, "--progress", "json").succeeds().err)
    assert [e["casts"] for e in told if e.get("index") == 1 and e["event"] == "finished"] == [1]
    assert load_file(folder / "out/a0.safetensors").keys() == {"first"}
    assert load_file(folder / "out/a1.safetensors")["a1"].dtype == np.float16
    names.write_text('{"a0": "other"}')
    told = events(tf_cli("batch", file, "--resume", "--progress", "json").succeeds().err)
    assert {e["index"]: e["event"] for e in told if e["event"] in ("skipped", "finished")} == {0: "finished", 1: "skipped"}
    assert load_file(folder / "out/a0.safetensors").keys() == {"other"}


def test_usage(five, tf_cli):
    folder, jobs = five
    file = write_jobs(folder / "jobs.jsonl", jobs[:2])
    for shard in ("0/2", "3/2", "1", "1/0", "a/b", "1/2x"):
        tf_cli("batch", file, "--shard", shard).fails_with(2, "usage.bad_value")
    tf_cli("batch", file, "--memory-limit", "1M").fails_with(2, "usage.memory_limit")
    tf_cli("batch", file, "--in", folder).fails_with(2, "usage.bad_option")
    tf_cli("batch").fails_with(2, "usage.missing_operand")
    tf_cli("batch", "--in", folder).fails_with(2, "usage.missing_value")
    tf_cli("batch", "--in", folder, "--out", folder, "--to", "npz").fails_with(2, "usage.same_folder")
    tf_cli("batch", folder / "none.jsonl").fails_with(6, "input.missing")
    tf_cli("batch", "-", "--resume").fails_with(2, "usage.bad_option")
    tf_cli("batch", file, "--journal", folder / "a0.npy").fails_with(7, "output.not_a_journal")
    tf_cli("batch", file, "--cast", "*=float16", "--unmapped", "keep").fails_with(2, "--unmapped")
    tf_cli("batch", "-").succeeds()
    assert not (folder / "out").exists()


def test_wrong_lines_and_conflicts_are_told_before_anything_runs(five, tf_cli):
    folder, jobs = five
    file = write_jobs(folder / "jobs.jsonl", [jobs[0], {**jobs[1], "ovewrite": True}, {"in": "x"}])
    with open(file, "a") as more:
        more.write("{\n")
    tf_cli("batch", file).fails_with(2, "usage.jobs", "line 2", '"overwrite"', "line 3", "line 4", "3 lines")
    same = [jobs[0], {**jobs[1], "out": f"{folder}/out/../out/a0.safetensors"}]
    tf_cli("batch", write_jobs(file, same)).fails_with(2, "usage.job_conflict", "line 1 and line 2 both write")
    chained = [jobs[0], {"in": jobs[0]["out"], "out": f"{folder}/b.npy"}]
    tf_cli("batch", write_jobs(file, chained)).fails_with(2, "usage.job_conflict", "which line 2 reads")
    (folder / "link").symlink_to(folder / "a1.npy")
    linked = [{**jobs[0], "out": f"{folder}/link", "to": "npy", "overwrite": True}, jobs[1]]
    tf_cli("batch", write_jobs(file, linked)).fails_with(2, "usage.job_conflict", "which line 2 reads")
    assert not (folder / "out").exists() and not list(folder.glob("*.journal"))


def test_a_model_of_several_files_is_one_input(repository, tf_cli, tmp_path):
    import onnx

    source = tmp_path / "in"
    (source / "sharded").mkdir(parents=True)
    shards = {"m-00001-of-00002.safetensors": {"a": np.ones(3, np.float32)},
              "m-00002-of-00002.safetensors": {"b": np.zeros(2, np.int64)}}
    for name, arrays in shards.items():
        save_file(arrays, source / "sharded" / name)
    index = {"metadata": {}, "weight_map": {key: name for name, arrays in shards.items() for key in arrays}}
    (source / "sharded/m.safetensors.index.json").write_text(json.dumps(index))
    weights = onnx.numpy_helper.from_array(np.arange(500, dtype=np.float32), "w")
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [weights]))
    onnx.save(model, source / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    for name in ("trained_model", "keras_model", "four_dtypes"):
        (source / name).mkdir()
        for file in (repository / "samples" / name).iterdir():
            (source / name / file.name).write_bytes(file.read_bytes())
    words = ("batch", "--in", source, "--out", tmp_path / "out", "--to", "npz")
    listed = [json.loads(line) for line in tf_cli(*words, "--dry-run").succeeds().out.splitlines()]
    want = {"sharded/m.safetensors.index.json": "sharded/m.npz", "net.onnx": "net.npz", "four_dtypes": "four_dtypes.npz",
            "trained_model/model.ckpt-300": "trained_model/model.ckpt-300.npz", "keras_model/model.ckpt": "keras_model/model.npz"}
    got = {str(Path(job["in"]).relative_to(source)): str(Path(job["out"]).relative_to(tmp_path / "out")) for job in listed}
    assert got == want and not (tmp_path / "out").exists()
    tf_cli(*words).succeeds()
    assert {str(f.relative_to(tmp_path / "out")) for f in (tmp_path / "out").rglob("*.npz")} == set(want.values())
    with np.load(tmp_path / "out/sharded/m.npz") as made:
        assert set(made.files) >= {"a", "b"}
