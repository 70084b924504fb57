"""Files of arrays, written here byte by byte, are read as their formats say."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from lab.data.sources import task_of
from lab.errors import UsageError

# -- idx


def idx_bytes(shape: tuple[int, ...], values: list[int]) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I{len(values)}B", 0, 0, 8, len(shape), *shape, *values)


@pytest.fixture(params=["", ".gz"], ids=["plain", "gz"])
def mnist(request, tmp_path: Path) -> Path:
    """Three images of 2 x 3 pixels of the classes 7, 1, 7, and one of class 9 to test on."""
    files = {
        "train-images-idx3-ubyte": idx_bytes((3, 2, 3), list(range(18))),
        "train-labels-idx1-ubyte": idx_bytes((3,), [7, 1, 7]),
        "t10k-images-idx3-ubyte": idx_bytes((1, 2, 3), [250, 251, 252, 253, 254, 255]),
        "t10k-labels-idx1-ubyte": idx_bytes((1,), [9]),
    }
    for name, content in files.items():
        packed = gzip.compress(content) if request.param else content
        (tmp_path / f"{name}{request.param}").write_bytes(packed)
    return tmp_path


def test_idx_files_are_images_labels_and_a_test_set(ask, mnist) -> None:
    dataset = ask(f"idx:{mnist}")
    assert dataset.inputs.dtype == np.uint8
    assert dataset.inputs[0].tolist() == [[[0, 1, 2], [3, 4, 5]]]
    assert dataset.inputs[3].tolist() == [[[250, 251, 252], [253, 254, 255]]]
    assert [dataset.classes[n] for n in dataset.targets] == ["7", "1", "7", "9"]
    assert dataset.test.tolist() == [False, False, False, True]


def test_idx_without_a_test_set_has_none(ask, mnist) -> None:
    for file in mnist.glob("t10k*"):
        file.unlink()
    dataset = ask(f"idx:{mnist}")
    assert (len(dataset), dataset.test, dataset.classes) == (3, None, ("1", "7"))


BROKEN_IDX = {
    "cut off": (idx_bytes((3, 2, 3), list(range(17))), "says 3 x 2 x 3, but holds 17 bytes"),
    "too short for a head": (b"\0\0\x08\x03", "does not begin as IDX bytes of 3 dimensions"),
    "of floats": (b"\0\0\x0d\x03" + idx_bytes((0, 2, 3), [])[4:], "does not begin .*: 00 00 0d 03"),
    "labels": (idx_bytes((3,), [1, 2, 3]), "does not begin as IDX bytes of 3 dimensions"),
    "too few": (idx_bytes((2, 2, 3), list(range(12))), "2 images to train, but 3 labels"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN_IDX.values(), ids=list(BROKEN_IDX))
def test_idx_files_that_are_broken_are_named(ask, mnist, content, message) -> None:
    (file,) = mnist.glob("train-images*")
    file.write_bytes(gzip.compress(content) if file.suffix else content)
    with pytest.raises(UsageError, match=message):
        ask(f"idx:{mnist}")


def test_idx_says_which_file_is_missing_damaged_or_one_too_many(ask, mnist) -> None:
    (file,) = mnist.glob("train-labels*")
    content = file.read_bytes()
    if file.suffix:
        file.write_bytes(content[:-4])
        with pytest.raises(UsageError, match=r"train-labels.*gz cannot be read"):
            ask(f"idx:{mnist}")
    file.unlink()
    with pytest.raises(UsageError, match="holds no file train-labels-idx1-ubyte, nor one with .gz"):
        ask(f"idx:{mnist}")
    for prefix in ("a", "b"):
        (mnist / f"{prefix}-train-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(UsageError, match="holds a-train-labels-idx1-ubyte and b-train"):
        ask(f"idx:{mnist}")
    with pytest.raises(UsageError, match="there is no such folder"):
        ask("idx:nowhere")


# -- cifar


def record(labels: list[int], first: int) -> bytes:
    """One record: labels, then 3,072 bytes that count up from `first`."""
    return struct.pack(f"{len(labels)}B3072B", *labels, *((first + n) % 256 for n in range(3072)))


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    (tmp_path / "data_batch_1.bin").write_bytes(record([1], 5) + record([0], 6))
    (tmp_path / "data_batch_2.bin").write_bytes(record([2], 7))
    (tmp_path / "test_batch.bin").write_bytes(record([1], 8))
    (tmp_path / "batches.meta.txt").write_text("airplane\nautomobile\nbird\n\n")
    return tmp_path


def test_records_of_cifar_10_are_a_label_and_channels(ask, cifar10) -> None:
    dataset = ask(f"cifar:{cifar10}")
    assert (dataset.inputs.shape, dataset.inputs.dtype) == ((4, 3, 32, 32), np.uint8)
    for image, first in zip(dataset.inputs, (5, 6, 7, 8), strict=True):
        assert image[0, 0, :3].tolist() == [first, first + 1, first + 2]
        assert image[1, 2, 3] == (first + 1024 + 2 * 32 + 3) % 256
    assert dataset.targets.tolist() == [1, 0, 2, 1]
    assert dataset.classes == ("airplane", "automobile", "bird")
    assert dataset.test.tolist() == [False, False, False, True]


def test_cifar_100_has_classes_above_its_classes(ask, tmp_path) -> None:
    (tmp_path / "train.bin").write_bytes(record([0, 2], 5) + record([1, 0], 6))
    (tmp_path / "test.bin").write_bytes(record([1, 1], 7))
    (tmp_path / "fine_label_names.txt").write_text("apple\nbed\npear\n")
    (tmp_path / "coarse_label_names.txt").write_text("fruit\nfurniture\n")
    fine, coarse = ask(f"cifar:{tmp_path}"), ask(f"cifar:{tmp_path}", labels="coarse")
    assert [fine.classes[n] for n in fine.targets] == ["pear", "apple", "bed"]
    assert [coarse.classes[n] for n in coarse.targets] == ["fruit", "furniture", "furniture"]
    assert fine.inputs[:, 0, 0, 0].tolist() == [5, 6, 7]
    assert fine.test.tolist() == [False, False, True]


def test_cifar_without_names_or_a_test_set_has_numbers_and_none(ask, cifar10) -> None:
    (cifar10 / "batches.meta.txt").unlink()
    (cifar10 / "test_batch.bin").unlink()
    dataset = ask(f"cifar:{cifar10}")
    assert (dataset.classes, dataset.test) == (("0", "1", "2"), None)


def test_other_versions_of_cifar_and_broken_ones_are_said(ask, cifar10, tmp_path) -> None:
    (cifar10 / "batches.meta.txt").write_text("airplane")
    with pytest.raises(UsageError, match="names 1 classes, but there are 3"):
        ask(f"cifar:{cifar10}")
    (cifar10 / "data_batch_2.bin").write_bytes(record([2], 7)[:-1])
    with pytest.raises(
        UsageError, match=r"data_batch_2.bin holds 3,072 bytes, no multiple of 3,073"
    ):
        ask(f"cifar:{cifar10}")
    (tmp_path / "python").mkdir()
    with pytest.raises(UsageError, match="holds neither data_batch_1.bin nor train.bin"):
        ask(f"cifar:{tmp_path}/python")
    (tmp_path / "python" / "data_batch_1").write_bytes(pickle.dumps({}))
    with pytest.raises(UsageError, match="the Python version, which is pickled and not read"):
        ask(f"cifar:{tmp_path}/python")
    with pytest.raises(UsageError, match="there is no such folder"):
        ask("cifar:nowhere")


# -- npz

IMAGES = np.arange(96, dtype=np.uint8).reshape(4, 4, 2, 3)  # [N, H, W, C]
LABELS = np.array([5, 3, 5, 9])


@pytest.fixture
def save(tmp_path: Path):
    """`save(x=..., y=...)`: the words that select a file of these arrays."""

    def write(**arrays) -> str:
        np.savez(tmp_path / "some.npz", **arrays)
        return f"npz:{tmp_path}/some.npz"

    return write


@pytest.mark.parametrize(
    "x", [IMAGES, IMAGES.transpose(0, 3, 1, 2), IMAGES / 255, IMAGES.astype(int)],
    ids=["channels last", "channels first", "fractions", "whole numbers"],
)  # fmt: skip
def test_images_may_come_in_any_usual_layout(ask, save, x) -> None:
    dataset = ask(save(x=x, y=LABELS))
    assert dataset.inputs.dtype == np.uint8
    np.testing.assert_array_equal(dataset.inputs, IMAGES.transpose(0, 3, 1, 2))
    assert [dataset.classes[n] for n in dataset.targets] == ["5", "3", "5", "9"]
    assert (dataset.test, dataset.eval, dataset.notes) == (None, None, ())


def test_numbers_are_tables_or_sequences_and_bytes_gray_images(ask, save) -> None:
    gray = ask(save(x=IMAGES[..., 0], y=LABELS))
    assert (gray.kind, gray.shape) == ("image", (1, 4, 2))
    table = ask(save(x=np.arange(8.0).reshape(4, 2), y=LABELS))
    assert (table.kind, table.inputs[3].tolist()) == ("table", [6, 7])
    sequences = ask(save(x=np.zeros((4, 5, 2)), y=LABELS))
    assert sequences.kind == "sequence"
    assert "[N, 5, 2] are read as sequences" in sequences.notes[0]


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
        ("X_train", "Y_train", "X_valid", "Y_valid", "X_test", "Y_test"),
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
    ],
)
def test_parts_have_names(ask, save, names) -> None:
    parts = (IMAGES, LABELS, IMAGES[:2], LABELS[:2], IMAGES[:1], LABELS[:1])
    dataset = ask(save(**dict(zip(names, parts, strict=True))))
    assert dataset.eval.tolist() == [False] * 4 + [True] * 2 + [False]
    assert dataset.test.tolist() == [False] * 6 + [True]
    assert dataset.targets.tolist() == [1, 0, 1, 2, 1, 0, 1]
    assert (dataset.inputs[6] == dataset.inputs[0]).all()


TARGETS = {
    "words": (np.array(["cat", "dog", "cat", "cow"]), "classify", [0, 2, 0, 1]),
    "a column": (LABELS[:, None], "classify", [1, 0, 1, 2]),
    "floats": (np.array([0.5, 1, 2, 3]), "regress", [[0.5], [1], [2], [3]]),
    "rows": (np.ones((4, 2)), "regress", [[1, 1]] * 4),
    "masks": (IMAGES[..., 0] % 3 * 10, "segment", (IMAGES[..., 0] % 3).tolist()),
    "nothing": (None, "none", None),
}


@pytest.mark.parametrize(("y", "task", "expected"), TARGETS.values(), ids=list(TARGETS))
def test_targets_say_what_they_are_for(ask, save, offered, y, task, expected) -> None:
    words = save(x=IMAGES, **({} if y is None else {"y": y}))
    dataset = ask(words)
    assert (task_of(words, {}, offered), dataset.task) == (task, task)
    assert (None if dataset.targets is None else dataset.targets.tolist()) == expected


def test_whole_floats_are_classes_where_that_is_said(ask, save) -> None:
    words = save(x=IMAGES, y=LABELS.astype(float))
    assert ask(words).task == "regress"
    assert ask(words, task="classify").classes == ("3", "5", "9")


MISTAKES = {
    "objects": ({"x": IMAGES, "y": np.array([{}, 1, 2, 3], object)}, "Python objects, .* not read"),
    "other names": ({"a": IMAGES, "b": LABELS}, "neither x nor x_train, but a, b"),
    "texts": ({"x": np.array(["a", "b"]), "y": LABELS[:2]}, "inputs of type <U1 are no numbers"),
    "layout": ({"x": np.zeros((4, 5, 5, 7), "u1"), "y": LABELS}, "1 or 3 channels neither first"),
    "range": ({"x": IMAGES - 300.0, "y": LABELS}, "images of -300 to .* are neither 0 to 255"),
    "not a number": ({"x": IMAGES * np.nan, "y": LABELS}, "images of nan to nan"),
    "one-hot": ({"x": IMAGES, "y": np.eye(4, dtype=int)}, r"not \[4\]; of one-hot rows save y.arg"),
    "half": ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}, "only some parts have"),
    "lengths": ({"x": IMAGES, "y": LABELS[:3]}, "4 inputs, but 3 targets"),
    "shapes": ({"x_train": IMAGES, "x_test": IMAGES[:, :2]}, "cannot be read: .*dimension"),
}  # fmt: skip


@pytest.mark.parametrize(("arrays", "message"), MISTAKES.values(), ids=list(MISTAKES))
def test_arrays_that_make_no_sense_are_said(ask, save, arrays, message) -> None:
    with pytest.raises(UsageError, match=message):
        ask(save(**arrays))


def test_files_that_are_no_npz_are_said(ask, tmp_path) -> None:
    (tmp_path / "x.npz").write_bytes(b"nothing")
    np.save(tmp_path / "one.npy", IMAGES)
    for name in ("x.npz", "one.npy"):
        with pytest.raises(UsageError, match="is no .npz file; write one by np.savez"):
            ask(f"npz:{tmp_path}/{name}")
    with pytest.raises(UsageError, match="there is no file nowhere.npz"):
        ask("npz:nowhere.npz")


def test_a_damaged_npz_is_said(ask, save, tmp_path) -> None:
    save(x=np.arange(3_000.0).reshape(300, 10))
    content = bytearray((tmp_path / "some.npz").read_bytes())
    content[1_000] ^= 1  # among the values, of which the file has a checksum
    (tmp_path / "some.npz").write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read: Bad CRC-32"):
        ask(f"npz:{tmp_path}/some.npz")
