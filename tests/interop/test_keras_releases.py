"""Names and order of files of every Keras release since 2.12: those of the live model's layers, or paths that say so.

keras_releases/samples.tar.xz was made by keras_releases/make.py, a folder with each release; the pinned ones make fresh files.
"""

from __future__ import annotations

import importlib.util
import io
import json
import re
import shutil
import tarfile
import zipfile

import h5py
import numpy as np
import pytest

from conftest import HERE
from keras_judge import Names, paths_of, paths_of_file

STORED = HERE / "keras_releases"
RELEASES = ([f"keras-2.{n}" for n in range(12, 16)] + [f"keras-3.{n}" for n in range(16)]
            + [f"tf_keras-2.{n}" for n in range(15, 22)])  # fmt: skip
PINNED = ["keras", "tf_keras"]
# Models of which Keras 2 does not tell everything in its files.
UNCERTAIN = ("extended", "tied")


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_keras_files", STORED / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def saved(maker, tmp_path_factory):
    """Of one release, by its name: the folder with the files, and what the live models said."""
    root = tmp_path_factory.mktemp("releases")
    with tarfile.open(STORED / "samples.tar.xz") as archive:
        archive.extractall(root)

    def of(release: str):
        folder = root / release
        if release in PINNED and not folder.exists():
            folder.mkdir()
            maker.save(folder, release)
        return folder, json.loads((folder / "truth.json").read_text())

    return of


def writes_names(truth: dict) -> bool:
    """Keras 3.6 began to store the names of layers."""
    major, minor = map(int, truth["version"].split(".")[:2])
    return (major, minor) >= (3, 6)


def every_file(saved, release: str, form: str):
    folder, truth = saved(release)
    found = [(name, folder / (name + form)) for name in truth["models"] if (folder / (name + form)).exists()]
    return truth, [(name, path, truth["models"][name]) for name, path in found]


@pytest.mark.parametrize("release", RELEASES + PINNED)
@pytest.mark.filterwarnings("ignore")
def test_archives_have_the_names_and_the_order_of_the_model(release, saved, tf_cli):
    truth, files = every_file(saved, release, ".keras")
    assert len(files) >= 14
    for name, path, layers in files:
        names = Names(tf_cli, path, layers)
        if name == "subclassed":  # config.json lists no layers
            names.check_names() if writes_names(truth) else names.check_paths()
        elif name == "extended" and writes_names(truth):  # it lists none of them by name
            names.check_names()
        elif name in UNCERTAIN and truth["version"].startswith("2."):
            names.check_cautious()
        else:
            names.check_layers()
        assert not names.noted or name in (*UNCERTAIN, "subclassed", "custom"), path


@pytest.mark.parametrize("release", RELEASES + PINNED)
@pytest.mark.filterwarnings("ignore")
def test_weights_files_without_names_have_paths_and_a_note(release, saved, tf_cli):
    truth, files = every_file(saved, release, ".weights.h5")
    assert len(files) >= 14
    for _, path, layers in files:
        names = Names(tf_cli, path, layers)
        names.check_names() if writes_names(truth) else names.check_paths()


@pytest.mark.parametrize("release", RELEASES + PINNED)
@pytest.mark.filterwarnings("ignore")
def test_legacy_files_have_the_names_in_their_lists(release, saved, tf_cli):
    _, files = every_file(saved, release, ".h5")
    assert len(files) >= 6
    for name, path, layers in files:
        names = Names(tf_cli, path, layers)
        names.check_complete()
        if name in ("held", "levels", "tied", "wrapped_model"):  # a layer in two places, or called by what it wraps
            continue
        for given, sha in names.mine():
            layer = names.layer_of[sha].split("/")
            assert {layer[0], layer[-1]} & set(given.split("/")), (path, given)


@pytest.mark.parametrize("release", [r for r in RELEASES + PINNED if r.startswith("keras")])
@pytest.mark.filterwarnings("ignore")
def test_sharded_weights_are_one_model(release, saved, tf_cli):
    truth, files = every_file(saved, release, ".weights.json")
    assert files or not writes_names(truth) or int(truth["version"].split(".")[1]) < 10
    for _, path, layers in files:
        names = Names(tf_cli, path, layers)
        names.check_names()
        assert not names.noted, path
        shards = {file for of in json.loads(path.read_text())["weight_map"].values()
                  for file in (of if isinstance(of, list) else [of])}
        assert len(names.got) >= len(names.mine()) and len(shards) >= 2


def one(saved, release: str, name: str, folder):
    """A copy to change, with config.json and the weights apart."""
    source, truth = saved(release)
    archive = zipfile.ZipFile(source / name)
    members = {entry: archive.read(entry) for entry in archive.namelist()}
    return members, truth["models"][name.split(".")[0]], folder / name


def write(members: dict, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def edited(saved, release, name, folder, edit):
    members, layers, path = one(saved, release, name, folder)
    config = json.loads(members["config.json"])
    members["config.json"] = json.dumps(edit(config) or config).encode()
    write(members, path)
    return path, layers


@pytest.mark.parametrize("release, name", [("keras-2.12", "nested"), ("tf_keras-2.20", "nested"), ("keras-2.15", "sequential")])
def test_groups_of_keras_2_on_windows(release, name, saved, tf_cli, tmp_path):
    """tf.io.gfile.join put backslashes between the groups of one object."""
    members, layers, path = one(saved, release, f"{name}.keras", tmp_path)
    stored = io.BytesIO()
    with h5py.File(io.BytesIO(members["model.weights.h5"])) as old, h5py.File(stored, "w") as new:
        for dataset in paths_of_file(old):
            group, number = dataset.rsplit("/vars/", 1)
            new[group.replace("/", "\\") + "/vars/" + number] = old[dataset][()]
    members["model.weights.h5"] = stored.getvalue()
    write(members, path)
    assert any("\\" in stored_path for stored_path in paths_of(path))
    Names(tf_cli, path, layers).check_layers()


@pytest.mark.parametrize("release", ["keras-2.12", "keras-2.14", "keras-2.15"])
def test_a_list_of_another_length_names_nothing(release, saved, tf_cli, tmp_path):
    """A layer too many or too few in config.json: which group is whose is no longer certain."""
    def more(config):
        layers = config["config"]["layers"]
        layers.insert(1, {**layers[1], "config": {**layers[1]["config"], "name": "other"}})

    def less(config):
        del config["config"]["layers"][2]

    for edit in (more, less):
        path, layers = edited(saved, release, "sequential.keras", tmp_path, edit)
        Names(tf_cli, path, layers).check_paths()


@pytest.mark.parametrize("release", ["keras-2.15", "keras-3.0", "keras-3.5"])
def test_a_subclass_of_a_sequential_model_has_its_names_in_keras_3_only(release, saved, tf_cli, tmp_path):
    """In Keras 2 attributes of the subclass may come before its list, which then counts less."""
    def mine(config):
        config.update(class_name="Mine", module=None, registered_name="Mine")

    path, layers = edited(saved, release, "sequential.keras", tmp_path, mine)
    names = Names(tf_cli, path, layers)
    names.check_layers() if release.startswith("keras-3") else names.check_cautious()


@pytest.mark.parametrize("release", ["keras-2.15", "keras-3.0"])
def test_extents_that_the_configuration_contradicts_name_nothing(release, saved, tf_cli, tmp_path):
    def wider(config):
        config["config"]["layers"][1]["config"]["units"] = 5

    path, layers = edited(saved, release, "sequential.keras", tmp_path, wider)
    Names(tf_cli, path, layers).check_paths()


def test_two_classes_whose_groups_may_have_one_name_name_nothing(saved, tf_cli, tmp_path):
    """dense_1 is the second Dense, or the first of a class that is called Dense_1."""
    def twin(config):
        config["config"]["layers"][1].update(class_name="Dense_1", module="mine", registered_name="mine>Dense_1")

    path, layers = edited(saved, "keras-3.3", "sequential.keras", tmp_path, twin)
    Names(tf_cli, path, layers).check_paths()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"config": {"layers": 3}}', b'{"config": {"layers": [1, null, {}]}}',
                                     b'{"class_name": 3, "config": {"layers": [{"class_name": [], "config": []}]}}', b"{" * 100])  # fmt: skip
def test_configurations_that_say_nothing_name_nothing(content, saved, tf_cli, tmp_path):
    members, layers, path = one(saved, "keras-3.3", "sequential.keras", tmp_path)
    members["config.json"] = content
    write(members, path)
    Names(tf_cli, path, layers).check_paths()


def test_raw_names_and_the_plain_layout_stay(saved, tf_cli):
    folder, _ = saved("keras-3.3")
    for name in ("nested.keras", "nested.weights.h5"):
        stored = paths_of(folder / name)
        for options in (("--names", "raw"), ("--in-opt", "layout=plain")):
            done = tf_cli("ls", folder / name, "--json", *options).succeeds()
            assert sorted(tensor["name"] for tensor in json.loads(done.out)["tensors"]) == sorted(stored)
            assert "hdf5.keras_names" not in done.out


def test_a_weight_is_found_by_its_path_too(saved, tf_cli):
    folder, _ = saved("keras-3.3")
    by_path = tf_cli("hash", folder / "sequential.keras", "--include", "layers/dense/vars/0").succeeds().out
    by_name = tf_cli("hash", folder / "sequential.keras", "--include", "dense_1/0").succeeds().out
    assert by_path == by_name and len(by_path.splitlines()) == 2


def test_weights_that_a_legacy_file_lists_and_lacks(tf_cli, tmp_path):
    def make(path, missing):
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"a", b"b"]
            for layer in "ab":
                if layer in missing:
                    continue
                group = file.create_group(layer)
                group.attrs["weight_names"] = [f"{layer}/kernel:0".encode(), f"/{layer}//bias:0".encode()]
                for weight in ("kernel:0", "bias:0"):
                    if f"{layer}/{weight}" not in missing:
                        group[f"{layer}/{weight}"] = np.ones(2, "f4")

    make(tmp_path / "whole.h5", ())
    assert "no damage found" in tf_cli("verify", tmp_path / "whole.h5").succeeds().out
    for missing in ("a/bias:0", "b"):
        make(tmp_path / "m.h5", (missing,))
        done = tf_cli("verify", tmp_path / "m.h5").fails_with(3, missing)
        assert set(done.identifiers) == {"corrupt.missing_tensor"}
        tf_cli("convert", tmp_path / "m.h5", tmp_path / "m.npz").fails_with(3, missing)
        assert not (tmp_path / "m.npz").exists()
        tf_cli("verify", tmp_path / "m.h5", "--in-opt", "layout=plain").succeeds()


@pytest.fixture
def sharded(saved, tmp_path):
    """Shards that may be changed; some groups lie in two of them."""
    source, truth = saved("keras-3.15")
    for path in source.glob("nested*.weights.*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "nested.weights.h5").unlink()
    return tmp_path, tmp_path / "nested.weights.json", truth["models"]["nested"]


def test_the_folder_of_shards_is_the_same_input(sharded, tf_cli):
    folder, index, layers = sharded
    by_folder, by_index = (tf_cli("hash", path).succeeds().out for path in (folder, index))
    assert by_folder == by_index
    assert tf_cli("verify", folder).succeeds().out.count("ok ") >= 6


def test_missing_shards_are_one_error_with_a_count(sharded, tf_cli):
    folder, index, _ = sharded
    shards = sorted(folder.glob("*_0*.weights.h5"))
    for shard in shards[1:]:
        shard.unlink()
    for command in ("ls", "info", "verify", "hash"):
        done = tf_cli(command, index).fails_with(6, f"{len(shards) - 1} of the {len(shards)} files", shards[1].name)
        assert done.err.count("error[") == 1


@pytest.mark.parametrize("name", ["../other.h5", "/etc/passwd", "a\\b.h5", "sub/../../x.h5"])
def test_shards_outside_the_folder_are_refused(name, sharded, tf_cli):
    _, index, _ = sharded
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": name}}))
    tf_cli("ls", index).fails_with(5)


def test_links_that_lead_out_of_the_folder_are_refused(sharded, tf_cli, tmp_path_factory):
    folder, index, _ = sharded
    shard = next(folder.glob("*_00000.weights.h5"))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.h5"
    shard.rename(elsewhere)
    shard.symlink_to(elsewhere)
    tf_cli("ls", index).fails_with(5)


@pytest.mark.parametrize("text, code, says", [
    ("{", 3, "json"), ('{"weight_map": []}', 3, "weight_map"), ('{"weight_map": {"/layers/dense/vars": 3}}', 3, "weight_map"),
    ('{"weight_map": {"layers/dense": "x"}}', 3, "/vars"), ('{"weight_map": {"/layers/dense/vars": [["x"]]}}', 3, "weight_map"),
])  # fmt: skip
def test_a_damaged_index_is_corrupt(text, code, says, sharded, tf_cli):
    _, index, _ = sharded
    index.write_text(text)
    assert says in tf_cli("ls", index, "--from", "hdf5").fails_with(code).err.lower()


def test_a_shard_of_another_save_is_told(sharded, tf_cli):
    """A shard in the place of another: weights are in two files, and others in none."""
    folder, index, _ = sharded
    shards = sorted(folder.glob("*_0*.weights.h5"))
    shutil.copy(shards[0], shards[-1])
    done = tf_cli("verify", index).fails_with(3)
    assert {"corrupt.two_shards", "corrupt.missing_tensor"} <= set(re.findall(r"corrupt\.\w+", done.err + done.out))


def test_a_shard_that_lacks_a_variable_is_told(sharded, tf_cli):
    """The index lists groups, not variables; but it says how much all weights take."""
    folder, index, _ = sharded
    shards = {path: paths_of(path) for path in sorted(folder.glob("*_0*.weights.h5"))}
    shard, group = next((path, name[:-1]) for path, names in shards.items() for name in names
                        if name[:-1] + "1" in names and name[:-1] + "0" in names)
    with h5py.File(shard, "r+") as file:
        del file[group + "1"]
    assert tf_cli("verify", index).fails_with(3).identifiers == ["corrupt.total_size"]


def test_files_that_keras_310_does_not_list_are_found(saved, tf_cli, tmp_path):
    """It lists one file for each group, and lets the rest of the group out."""
    source, truth = saved("keras-3.10")
    for path in source.glob("sequential*.weights.*"):
        shutil.copy(path, tmp_path)
    index = tmp_path / "sequential.weights.json"
    listed = json.loads(index.read_text())["weight_map"].values()
    hidden = sorted(path for path in tmp_path.glob("sequential_0*") if path.name not in listed)
    assert hidden and "does not list" in tf_cli("ls", index).succeeds().err
    Names(tf_cli, index, truth["models"]["sequential"]).check_names()
    hidden[0].unlink()
    assert tf_cli("ls", index).fails_with(3).identifiers == ["corrupt.total_size"]


def test_one_shard_alone_says_where_the_names_are(sharded, tf_cli):
    folder, _, _ = sharded
    notes = [tf_cli("ls", shard).succeeds().err for shard in sorted(folder.glob("*_0*.weights.h5"))]
    assert any(".weights.json" in note for note in notes)


@pytest.mark.parametrize("name, truth", [
    ("three.keras", {"dense_1/1": 1, "dense_2/1": 2, "dense_3/1": 3}),
    ("three_keras333.keras", {"dense_1/1": 1, "dense_2/1": 2, "dense_3/1": 3}),
    ("three.weights.h5", {"layers/dense/vars/1": 1, "layers/dense_1/vars/1": 2, "layers/dense_2/vars/1": 3}),
    ("three.h5", {"dense_1/bias:0": 1, "dense_2/bias:0": 2, "dense_3/bias:0": 3}),
    ("swapped.keras", {"dense/1": 1, "dense_1/1": 2}), ("swapped.h5", {"dense/bias:0": 1, "dense_1/bias:0": 2}),
])  # fmt: skip
def test_reported_files_name_their_biases(name, truth, fixtures_root, tf_cli, tmp_path):
    source = fixtures_root / "reports" / "01_keras_names" / name
    if not source.exists():
        pytest.skip(f"no {source}")
    tf_cli("convert", source, tmp_path / "m.npz", "--no-sync").succeeds()
    with np.load(tmp_path / "m.npz") as arrays:
        assert {key: float(arrays[key][0]) for key in truth} == truth
