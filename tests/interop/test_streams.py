"""Input that comes through a pipe, output that goes into one, and what is neither file nor pipe."""

from __future__ import annotations

import io
import json
import os
import pty
import resource
import signal
import socket
import subprocess
import threading

import numpy as np
import pytest
import safetensors.numpy

A = np.arange(12, dtype="f4").reshape(3, 4)


@pytest.fixture
def npy(tmp_path):
    np.save(tmp_path / "a.npy", A)
    return tmp_path / "a.npy"


def run(tf_cli, *args, stdin=b"", **popen):
    return subprocess.run([tf_cli.program, *map(str, args)], input=stdin, capture_output=True, timeout=60, **popen)


def listed(done) -> list[dict]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["tensors"]


def shell(tf_cli, script, *args):
    return subprocess.run(["bash", "-c", script, tf_cli.program, *map(str, args)], capture_output=True, timeout=60)


def test_standard_input_is_read_under_each_of_its_names(tf_cli, npy):
    for name in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        (tensor,) = listed(run(tf_cli, "ls", name, "--json", stdin=npy.read_bytes()))
        assert (tensor["name"], tensor["shape"]) == ("stdin", [3, 4]), name


def test_a_process_substitution_is_read(tf_cli, npy, tmp_path):
    assert b"float32" in shell(tf_cli, '"$0" ls <(cat "$1")', npy).stdout
    done = shell(tf_cli, '"$0" diff <(cat "$1") <(cat "$1")', npy)
    assert done.returncode == 0, done
    (tmp_path / "names.json").write_text('{"a": "b"}')
    done = shell(tf_cli, '"$0" convert "$1" "$2" --map <(cat "$3")', npy, tmp_path / "b.npz", tmp_path / "names.json")
    assert done.returncode == 0 and np.load(tmp_path / "b.npz").files == ["b"], done


def test_every_command_that_reads_takes_standard_input(tf_cli, npy):
    for words in (["info"], ["ls"], ["hash"], ["stats"], ["verify"], ["print", "-", "stdin"], ["diff", "-", npy, "--map"]):
        words = words if len(words) > 1 else [*words, "-"]
        if words[0] == "diff":
            words = ["diff", npy, "-", "--from-b", "npy"]
        done = run(tf_cli, *words, stdin=npy.read_bytes())
        assert done.returncode in (0, 1) and b"error" not in done.stderr, (words, done)
    assert run(tf_cli, "-", stdin=npy.read_bytes()).returncode == 0
    done = run(tf_cli, "roundtrip", "-", "--via", "npz,hdf5", stdin=npy.read_bytes())
    assert done.returncode == 0, done
    done = run(tf_cli, "convert", "-", "out.npz", "--dry-run", "--json", stdin=npy.read_bytes())
    assert [t["name"] for t in json.loads(done.stdout)["tensors"]] == ["stdin"]


def test_a_large_pipe_goes_to_a_temporary_file_in_bounded_memory(tf_cli, tmp_path):
    big = np.arange(40 << 20, dtype="u1")
    np.save(tmp_path / "big.npy", big)
    script = '''cat "$1" | "$2" -S -E -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdin=0)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$0" hash -'''
    import sys
    done = shell(tf_cli, script, tmp_path / "big.npy", sys.executable)
    assert done.returncode == 0, done
    assert int(done.stdout.split()[-1]) < 64 << 10, done.stdout
    alone = tf_cli("hash", tmp_path / "big.npy").succeeds().out.split()[0]
    assert done.stdout.decode().split()[0] == alone


def test_a_pipe_that_does_not_fit_on_the_disk_is_an_error_of_resources(tf_cli, tmp_path):
    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = run(tf_cli, "ls", "-", stdin=b"\x93NUMPY" + bytes(20 << 20), preexec_fn=small)
    assert done.returncode == 8 and b"resources.spool" in done.stderr and b"TMPDIR" in done.stderr, done


def test_a_fifo_and_a_socket_are_read(tf_cli, npy, tmp_path):
    os.mkfifo(tmp_path / "fifo.npy")
    writer = threading.Thread(target=lambda: (tmp_path / "fifo.npy").write_bytes(npy.read_bytes()))
    writer.start()
    (tensor,) = listed(run(tf_cli, "ls", tmp_path / "fifo.npy", "--json"))
    writer.join()
    assert tensor["name"] == "fifo" and tensor["shape"] == [3, 4]

    ours, theirs = socket.socketpair()
    ours.sendall(npy.read_bytes())
    ours.close()
    done = subprocess.run([tf_cli.program, "ls", "-"], stdin=theirs, capture_output=True, timeout=60)
    assert done.returncode == 0 and b"float32" in done.stdout, done

    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    server.listen()

    def serve():
        connection = server.accept()[0]
        connection.sendall(npy.read_bytes())
        connection.close()

    writer = threading.Thread(target=serve)
    writer.start()
    assert b"float32" in run(tf_cli, "ls", tmp_path / "socket").stdout
    writer.join()


def test_a_descriptor_of_a_file_is_that_file_with_its_siblings(tf_cli, npy, tmp_path):
    script = '"$0" ls - < "$1"'
    index = {"weight_map": {"a": "one.safetensors"}}
    safetensors.numpy.save_file({"a": A}, tmp_path / "one.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert b"float32" in shell(tf_cli, script, npy).stdout
    done = shell(tf_cli, script, tmp_path / "model.safetensors.index.json")
    assert done.returncode == 0 and b"float32" in done.stdout, done


def test_a_file_that_lost_its_name_is_read_through_its_descriptor(tf_cli, npy):
    done = shell(tf_cli, 'exec 5<"$1"; rm "$1"; "$0" hash /proc/self/fd/5 && "$0" ls /dev/fd/5 && "$0" ls - <&5', npy)
    assert done.returncode == 0 and done.stdout.count(b"float32") == 2, done


def test_a_model_in_several_files_says_that_a_pipe_brings_one(tf_cli, tmp_path):
    index = json.dumps({"weight_map": {"a": "one.safetensors"}}).encode()
    done = run(tf_cli, "ls", "-", stdin=index)
    assert done.returncode == 4 and b"a pipe carries only one file of a model in several files" in done.stderr, done
    manifest = json.dumps({"tensorferry": 1, "tensors": [{"name": "a", "dtype": "float32", "shape": [1], "file": "w"}]})
    done = run(tf_cli, "convert", "-", tmp_path / "o.npz", "--from", "raw", stdin=manifest.encode())
    assert done.returncode in (2, 4, 6) and b"error[" in done.stderr, done


def test_external_data_and_data_files_cannot_come_through_a_pipe(tf_cli, tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    import bundle_writer

    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [],
                              [helper.make_tensor_value_info("y", 1, [3, 4])], [numpy_helper.from_array(A, "w")])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx", save_as_external_data=True, location="m.data",
              size_threshold=0)
    done = run(tf_cli, "convert", "-", tmp_path / "o.npz", stdin=(tmp_path / "m.onnx").read_bytes())
    assert done.returncode == 6 and b"input.single_file" in done.stderr and b"m.data" in done.stderr, done
    bundle = bundle_writer.Bundle()
    bundle.add("w", "float32", A)
    bundle.write(tmp_path / "ckpt")
    done = run(tf_cli, "convert", "-", tmp_path / "o.npz", stdin=(tmp_path / "ckpt.index").read_bytes())
    assert done.returncode in (4, 6) and b"error[" in done.stderr and b"data-00000" in done.stderr, done
    assert not (tmp_path / "o.npz").exists()


def test_an_empty_pipe_asks_about_the_command_before_it(tf_cli):
    done = run(tf_cli, "ls", "-")
    assert done.returncode == 6 and b"input.empty" in done.stderr, done


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/full", "/proc/self/status", "/proc/self/mem"])
def test_devices_and_files_of_the_kernel_are_refused(tf_cli, path, tmp_path):
    tf_cli("ls", path).fails_with(6, "input.special_file", path)
    tf_cli("convert", path, tmp_path / "o.npz").fails_with(6, "input.special_file")
    with open(path, "rb") as file:
        done = subprocess.run([tf_cli.program, "ls", "-"], stdin=file, capture_output=True, timeout=60)
    assert done.returncode == 6 and b"input.special_file" in done.stderr, done


def test_jobs_of_a_batch_do_not_come_from_a_device_or_folder(tf_cli, tmp_path):
    tf_cli("batch", "/dev/zero").fails_with(6, "input.special_file")
    tf_cli("batch", tmp_path).fails_with(2, "usage.folder")
    with open("/dev/zero", "rb") as zero:
        done = subprocess.run([tf_cli.program, "batch", "-"], stdin=zero, capture_output=True, timeout=60)
    assert done.returncode == 6 and b"input.special_file" in done.stderr, done
    (tmp_path / "jobs").write_text('{"in": "-", "out": "a.npz"}\n')
    tf_cli("batch", tmp_path / "jobs").fails_with(2, "usage.jobs", "not streams")
    tf_cli("batch", tmp_path / "absent" / "jobs").fails_with(6, "input.missing")


def test_a_batch_does_not_take_what_came_through_a_pipe_for_unchanged(tf_cli, npy, tmp_path):
    """Cause: a stream has no inode and no time, so that two of them looked like the same file."""
    os.mkfifo(tmp_path / "in.npy")
    job = {"in": f"{tmp_path}/in.npy", "out": f"{tmp_path}/out.npz", "overwrite": True}
    (tmp_path / "jobs").write_text(json.dumps(job) + "\n")
    for array in (A, A + 1):
        buffer = io.BytesIO()
        np.save(buffer, array)
        writer = threading.Thread(target=lambda: (tmp_path / "in.npy").write_bytes(buffer.getvalue()))
        writer.start()
        tf_cli("batch", tmp_path / "jobs", "--resume").succeeds()
        writer.join()
        assert np.array_equal(np.load(tmp_path / "out.npz")["in"], array)


def test_a_current_folder_that_is_gone_is_named(tf_cli, npy):
    """Cause: an exception of the standard library went through to "this is a bug"."""
    script = 'd=$(mktemp -d); cd "$d"; rmdir "$d"; "$0" {}'
    for command in ("ls a.npy", f"convert {npy} out.npz", "convert a.npy out.npz"):
        done = shell(tf_cli, script.format(command))
        assert done.returncode in (6, 7) and b"working_folder" in done.stderr, (command, done)
    assert shell(tf_cli, script.format(f"ls {npy}")).returncode == 0


def test_roundtrip_survives_a_temporary_folder_that_is_none(tf_cli, npy):
    done = tf_cli("roundtrip", npy, "--via", "npz", env={**os.environ, "TMPDIR": str(npy)})
    assert done.code == 0 or done.identifiers, done
    assert done.code != 70, done


# --- Output ------------------------------------------------------------------------------------------------------------


def test_standard_output_holds_the_file_and_nothing_else(tf_cli, npy, tmp_path):
    for to in ("npz", "npy", "hdf5", "onnx", "safetensors"):
        done = run(tf_cli, "convert", npy, "-", "--to", to)
        assert done.returncode == 0 and b"1 tensor" in done.stderr, done
        tf_cli("convert", npy, tmp_path / f"direct.{to}", "--to", to).succeeds()
        assert done.stdout == (tmp_path / f"direct.{to}").read_bytes(), to
    assert np.array_equal(np.load(io.BytesIO(run(tf_cli, "convert", npy, "-", "--to", "npz", "-q").stdout))["a"], A)
    assert not os.path.exists("-") and not os.path.exists("stdout.npz")


def test_a_pipeline_of_conversions(tf_cli, npy, tmp_path):
    script = 'cat "$1" | "$0" convert - - --to safetensors -q | "$0" convert - - --to npz --verify -q | "$0" hash - -q'
    done = shell(tf_cli, script, npy)
    assert done.returncode == 0 and not done.stderr, done
    loaded = safetensors.numpy.load(run(tf_cli, "convert", "-", "-", "--to", "safetensors", stdin=npy.read_bytes()).stdout)
    assert np.array_equal(loaded["stdin"], A)


def test_other_names_of_standard_output_are_not_replaced_by_a_file(tf_cli, npy, tmp_path):
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        done = run(tf_cli, "convert", npy, name, "--to", "npz", "--overwrite")
        assert done.returncode == 0 and np.array_equal(np.load(io.BytesIO(done.stdout))["a"], A), done
    done = shell(tf_cli, '"$0" convert "$1" >(cat > "$2") --to npz -q; wait $!; sleep 0.2', npy, tmp_path / "through.npz")
    assert np.array_equal(np.load(tmp_path / "through.npz")["a"], A), done


def test_what_standard_output_cannot_be(tf_cli, npy, tmp_path):
    np.savez(tmp_path / "two.npz", a=A, b=A)
    tf_cli("convert", npy, "-").fails_with(2, "usage.no_format", "--to")
    assert "stdout" not in tf_cli("convert", tmp_path / "two.npz", "-", "--to", "npy").fails_with(
        2, "usage.single_file", "--to npz", "FOLDER/ --to npy").err
    for to in ("tensorflow", "raw"):
        tf_cli("convert", tmp_path / "two.npz", "-", "--to", to).fails_with(2, "usage.several_files")
    tf_cli("convert", tmp_path / "two.npz", "-", "--to", "safetensors", "--split-max-size", "50").fails_with(
        2, "usage.several_files")
    master, slave = pty.openpty()
    done = subprocess.run([tf_cli.program, "convert", npy, "-", "--to", "npz"], stdout=slave, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=60)
    os.close(master), os.close(slave)
    assert done.returncode == 2 and b"usage.terminal" in done.stderr and b"> FILE" in done.stderr, done
    with open("/dev/full", "wb") as full:
        done = subprocess.run([tf_cli.program, "convert", npy, "-", "--to", "npz"], stdout=full, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 7 and b"no_space" in done.stderr, done


def test_a_reader_that_is_gone_ends_the_program_quietly(tf_cli, tmp_path):
    np.save(tmp_path / "big.npy", np.zeros(1 << 20, "f4"))
    done = shell(tf_cli, '"$0" convert "$1" - --to npz -q | head -c 10 > /dev/null; echo ${PIPESTATUS[0]}', tmp_path / "big.npy")
    assert done.stdout.strip() == b"141" and not done.stderr, done


def test_an_interrupt_leaves_nothing_in_the_temporary_folder(tf_cli, npy, tmp_path):
    (tmp_path / "temp").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "temp")}
    done = run(tf_cli, "convert", npy, "-", "--to", "npz", env=env)
    assert done.returncode == 0 and not list((tmp_path / "temp").iterdir())


def test_injection_into_a_stream(tf_cli, tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [],
                              [helper.make_tensor_value_info("y", 1, [3, 4])], [numpy_helper.from_array(A, "w")])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    buffer = io.BytesIO()
    np.savez(buffer, w=A + 1)
    args = ["inject", tmp_path / "m.onnx", "-", "-o", "-"]
    done = run(tf_cli, *args, stdin=buffer.getvalue())
    assert done.returncode == 0, done
    model = onnx.load_model_from_string(done.stdout)
    assert np.array_equal(numpy_helper.to_array(model.graph.initializer[0]), A + 1)
