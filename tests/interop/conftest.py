"""The program comes from TENSORFERRY; the stored fixtures from TENSORFERRY_FIXTURES or ../shared/fixtures."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path.insert(0, str(HERE))

import judge  # noqa: E402
from cli import Cli  # noqa: E402
from fresh_labels import LABELS  # noqa: E402
from naming import LABELS as NAMED_LABELS  # noqa: E402

FIXTURES = Path(os.environ.get("TENSORFERRY_FIXTURES") or REPOSITORY.parent / "shared" / "fixtures")
STORED = judge.stored_checkpoints(FIXTURES) if FIXTURES.is_dir() else {}
NO_FIXTURES = f"the stored fixtures are not at {FIXTURES} (set TENSORFERRY_FIXTURES)"


def pytest_generate_tests(metafunc):
    """`stored` runs over every V2 checkpoint of the fixtures, `checkpoint` over those and the fresh ones."""
    if "stored_label" in metafunc.fixturenames:
        labels = list(STORED) or [pytest.param("none", marks=pytest.mark.skip(reason=NO_FIXTURES))]
        metafunc.parametrize("stored_label", labels)
    if "any_label" in metafunc.fixturenames:
        labels = [f"fresh/{label}" for label in LABELS]
        labels += list(STORED) or [pytest.param("stored", marks=pytest.mark.skip(reason=NO_FIXTURES))]
        metafunc.parametrize("any_label", labels)
    if "fresh_label" in metafunc.fixturenames:
        metafunc.parametrize("fresh_label", LABELS)


@pytest.fixture(scope="session")
def tf_cli() -> Cli:
    program = os.environ.get("TENSORFERRY")
    assert program, "set TENSORFERRY to the program (./dev test does)"
    program = str(Path(program).resolve())
    assert os.access(program, os.X_OK), f"{program} is not a program"
    return Cli(program)


@pytest.fixture(scope="session")
def fresh_checkpoints(tmp_path_factory):
    import fresh  # TensorFlow loads only here

    return fresh.build_all(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def named_checkpoints(tmp_path_factory):
    import named

    return named.build_all(tmp_path_factory.mktemp("named"))


@pytest.fixture(params=NAMED_LABELS)
def named_one(request, named_checkpoints):
    return named_checkpoints[request.param]


@pytest.fixture
def stored(stored_label):
    return STORED[stored_label]


@pytest.fixture
def fresh_one(fresh_label, fresh_checkpoints):
    made = fresh_checkpoints[fresh_label]
    return made.prefix, made.tensors


@pytest.fixture
def checkpoint(any_label, request):
    """(prefix, what must come out) of one stored or fresh checkpoint."""
    if any_label.startswith("fresh/"):
        made = request.getfixturevalue("fresh_checkpoints")[any_label[len("fresh/"):]]
        return made.prefix, made.tensors
    return STORED[any_label]


@pytest.fixture(scope="session")
def fixtures_root() -> Path:
    if not FIXTURES.is_dir():
        pytest.skip(NO_FIXTURES)
    return FIXTURES


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY
