"""The bundled data are scikit-learn's, and every source can be split and measured."""

from __future__ import annotations

import sys

import helpers
import numpy as np
import pytest
from sklearn import datasets

import lab
from lab.data.dataset_info import DatasetInfo
from lab.data.splits import split
from lab.errors import NotInstalled
from lab_sources import options

FEWER = {"shapes": {"n": 600}, "moving-shapes": {"n": 100}, "overlapping-digits": {"n": 900}}
TABLES = ("iris", "wine", "breast-cancer")


def test_digits_are_scikit_learns_from_0_to_255(ask) -> None:
    dataset, truth = ask("digits"), datasets.load_digits()
    assert (dataset.inputs.shape, dataset.inputs.dtype) == ((1797, 1, 8, 8), np.uint8)
    assert (dataset.inputs.min(), dataset.inputs.max()) == (0, 255)
    np.testing.assert_array_equal(np.rint(dataset.inputs[:, 0] * (16 / 255)), truth.images)
    np.testing.assert_array_equal(dataset.targets, truth.target)
    assert dataset.classes == tuple("0123456789")


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_scikit_learns(ask, name) -> None:
    dataset, truth = ask(name), getattr(datasets, f"load_{name.replace('-', '_')}")()
    np.testing.assert_array_equal(dataset.inputs, truth.data.astype(np.float32))
    np.testing.assert_array_equal(dataset.targets, truth.target)
    assert dataset.classes == tuple(truth.target_names)
    assert dataset.features == tuple(truth.feature_names)


def test_diabetes_is_a_table_of_values(ask) -> None:
    dataset = ask("diabetes")
    assert (dataset.task, dataset.inputs.shape, dataset.targets.shape) == (
        "regress", (442, 10), (442, 1)
    )  # fmt: skip
    truth = datasets.load_diabetes(scaled=False)
    np.testing.assert_array_equal(dataset.inputs, truth.data.astype(np.float32))
    np.testing.assert_array_equal(dataset.targets[:, 0], truth.target.astype(np.float32))
    assert dataset.features == tuple(truth.feature_names)
    assert dataset.inputs[:, 0].max() == 79  # years


def test_no_file_is_read_by_importing_scikit_learn(tmp_path) -> None:
    code = (
        "import sys\nfrom lab_sources import bundled\n"
        "for name in ('digits', 'iris', 'wine', 'breast_cancer', 'diabetes'):\n"
        "    getattr(bundled, name)()\n"
        "print(*{'sklearn', 'scipy', 'pandas'} & set(sys.modules))"
    )
    child = helpers.run_child([sys.executable, "-c", code], tmp_path, helpers.child_environment())
    assert (child.stdout, child.stderr) == ("\n", "")


def sources_without_files() -> list[str]:
    from lab.plugins import discover

    specs = discover().sources().values()
    return sorted(s.name for s in specs if not s.argument and s.load.startswith("lab_sources"))


@pytest.mark.parametrize("name", sources_without_files())
def test_a_source_keeps_its_word(ask, offered, name) -> None:
    try:
        dataset = ask(name, **FEWER.get(name, {}))
    except NotInstalled as missing:
        pytest.skip(str(missing))
    assert dataset.task == (offered[name].task or "classify")
    for fold in range(1 if dataset.stream else 5):
        parts = split(dataset, name, fold)
        info = DatasetInfo.of(name, dataset, parts["train"])
        assert np.isfinite([*info.mean, *info.std]).all()
    again = ask(name, **FEWER.get(name, {}))
    np.testing.assert_array_equal(dataset.inputs, again.inputs)


def test_every_option_says_what_it_is() -> None:
    models = [
        m
        for m in vars(options).values()
        if isinstance(m, type) and issubclass(m, lab.Options) and m.__module__ == options.__name__
    ]
    assert len(models) > 8
    for model in models:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
