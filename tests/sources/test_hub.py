"""Data sets of the hub are read by the types of their columns."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.errors import UsageError

datasets = pytest.importorskip("datasets")


def encoded(pixels: np.ndarray) -> dict[str, object]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def pixels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def mnist(count: int, seed: int = 0, hidden: bool = False):
    """A split with the features of the hub's MNIST."""
    names = list("0123456789")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=names)}
    )
    labels = [-1 if hidden else i % 10 for i in range(count)]
    images = [encoded(image) for image in pixels(count, seed)]
    return datasets.Dataset.from_dict({"image": images, "label": labels}, features=features)


@pytest.fixture
def served(monkeypatch):
    """`served(train=..., test=...)`: what the hub returns for any name; the calls it got."""
    calls: list[tuple[object, ...]] = []

    def serve(**parts):
        def load_dataset(*args):
            calls.append(args)
            return datasets.DatasetDict(parts)

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        return calls

    return serve


def test_mnist_is_found_by_its_types_and_keeps_its_test_set(ask, served) -> None:
    calls = served(train=mnist(30), test=mnist(10, seed=1))
    dataset = ask("hub:ylecun/mnist")
    assert calls == [("ylecun/mnist", None)]
    assert dataset.inputs.shape == (40, 1, 28, 28)
    np.testing.assert_array_equal(dataset.inputs[:, 0], np.concatenate([pixels(30), pixels(10, 1)]))
    np.testing.assert_array_equal(dataset.targets, [i % 10 for i in (*range(30), *range(10))])
    assert dataset.classes == tuple("0123456789")
    assert dataset.test.tolist() == [False] * 30 + [True] * 10


def test_images_are_decoded_by_batch_from_the_arrow_table(ask, served) -> None:
    served(train=mnist(30), test=mnist(10, seed=1))
    streamed, eager = (
        ask("hub:ylecun/mnist", max_eager_mb=0, size=14),
        ask("hub:ylecun/mnist", size=14),
    )
    assert not isinstance(streamed.inputs, np.ndarray)
    rows = np.array([35, 2, 2, 17])
    np.testing.assert_array_equal(streamed.inputs[rows], eager.inputs[rows])
    assert streamed.inputs.shape == (40, 1, 14, 14)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [({"split": "test"}, (10, None)), ({"split": "train"}, (30, None)), ({}, (40, 10))],
)
def test_a_split_can_be_asked_for(ask, served, options, sizes) -> None:
    served(train=mnist(30), test=mnist(10))
    dataset = ask("hub:ylecun/mnist", **options)
    assert (len(dataset), None if dataset.test is None else dataset.test.sum()) == sizes


def test_validation_serves_as_test_where_there_is_none_or_its_labels_are_secret(
    ask, served
) -> None:
    served(train=mnist(30), validation=mnist(12))
    assert ask("hub:a/b").test.sum() == 12
    served(train=mnist(30), validation=mnist(12), test=mnist(8, hidden=True))
    assert ask("hub:a/b").test.sum() == 12
    served(train=mnist(30), test=mnist(8, hidden=True))
    assert ask("hub:a/b").test is None


@pytest.mark.parametrize("name", ["validation", "valid"])
def test_validation_beside_a_test_set_is_for_eval(ask, served, name) -> None:
    served(**{"train": mnist(30), name: mnist(12), "test": mnist(8)})
    dataset = ask("hub:a/b")
    assert dataset.test.tolist() == [False] * 30 + [True] * 8 + [False] * 12
    assert dataset.eval.tolist() == [False] * 38 + [True] * 12
    served(**{"train": mnist(30), name: mnist(12, hidden=True), "test": mnist(8)})
    assert ask("hub:a/b").eval is None
    table = datasets.Dataset.from_dict({"p": [1.0, 2.0], "kind": ["a", "b"]})
    served(**{"train": table, name: table, "test": table})
    assert ask("hub:a/b").eval.tolist() == [False] * 4 + [True] * 2


def test_columns_can_be_named_and_a_configuration_chosen(ask, served) -> None:
    parts = (
        mnist(10).rename_columns({"image": "view"}).add_column("odd", [i % 2 for i in range(10)])
    )
    calls = served(train=parts.add_column("size", [i / 2 for i in range(10)]))
    odd = ask("hub:a/b", label="odd", config="large")
    assert calls == [("a/b", "large")]
    assert (odd.classes, odd.targets.tolist()) == (("0", "1"), [0, 1] * 5)
    sizes = ask("hub:a/b", label="size", image="view", task="regress")
    assert sizes.targets[:, 0].tolist() == [i / 2 for i in range(10)]
    assert ask("hub:a/b", task="none").targets is None


def test_texts_with_classes_are_texts(ask, served) -> None:
    features = datasets.Features({"text": datasets.Value("string"),
                                  "label": datasets.ClassLabel(names=["neg", "pos"])})  # fmt: skip
    part = datasets.Dataset.from_dict({"text": ["bad", "good"], "label": [0, 1]}, features=features)
    served(train=part, test=part)
    dataset = ask("hub:stanfordnlp/imdb")
    assert (dataset.kind, dataset.task, dataset.classes) == ("text", "classify", ("neg", "pos"))
    assert dataset.inputs == ["bad", "good", "bad", "good"]
    assert dataset.test.tolist() == [False, False, True, True]


def test_tables_are_tables(ask, served) -> None:
    part = datasets.Dataset.from_dict({"p": [1.0, 2.0], "q": ["x", "y"], "kind": ["a", "b"]})
    served(train=part)
    dataset = ask("hub:a/b")
    assert dataset.features == ("p", "q")
    assert (dataset.classes, dataset.targets.tolist()) == (("a", "b"), [0, 1])


def test_a_saved_data_set_is_read_from_its_folder(ask, tmp_path: Path) -> None:
    datasets.DatasetDict(train=mnist(30), test=mnist(10)).save_to_disk(str(tmp_path / "saved"))
    assert len(ask(f"hub:{tmp_path}/saved")) == 40
    mnist(20).save_to_disk(str(tmp_path / "one"))
    assert ask(f"hub:{tmp_path}/one").test is None


def test_a_broken_image_is_named(ask, served) -> None:
    part = mnist(10)
    rows = [*part.cast_column("image", datasets.Image(decode=False))["image"]]
    rows[4] = {"bytes": b"broken", "path": None}
    broken = datasets.Dataset.from_dict({"image": rows, "label": [0] * 10}, features=part.features)
    served(train=broken)
    with pytest.raises(UsageError, match="hub:a/b image 4 cannot be read"):
        ask("hub:a/b")
    assert len(ask("hub:a/b", skip_bad=True)) == 9
    with pytest.raises(UsageError, match="hub:a/b image 4 cannot be read"):
        ask("hub:a/b", max_eager_mb=0).inputs[np.array([3, 4])]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "hub:a/b has no split 'dev'. It has: train"),
        ({"label": "labels"}, "has no column 'labels'. Did you mean 'label'?"),
        ({"image": "img"}, "hub:a/b has no column 'img'"),
    ],
)
def test_what_is_not_there_is_said(ask, served, options, message) -> None:
    served(train=mnist(10))
    with pytest.raises(UsageError) as error:
        ask("hub:a/b", **options)
    assert message in str(error.value)


def test_images_without_classes_ask_for_a_label(ask, served) -> None:
    served(train=mnist(10).remove_columns("label"))
    with pytest.raises(UsageError, match="which column is the label"):
        ask("hub:a/b")


def test_without_a_network_one_line_is_said(ask) -> None:
    with pytest.raises(UsageError, match="hub:nobody/has-this cannot be had: ") as error:
        ask("hub:nobody/has-this")
    assert "\n" not in str(error.value)
