"""Write a small example of each kind of file that a source reads."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lab_sources.optional_import import needs

CLASSES = ("dark", "light")
N = 60


def imagefolder(folder: Path) -> str:
    """Write a folder of pictures for each class, and return its path."""
    rng = np.random.default_rng(0)
    for number in range(N):
        level = number % 2
        place = folder / CLASSES[level]
        place.mkdir(exist_ok=True)
        pixels = rng.integers(0, 128, (8, 8, 3), dtype=np.uint8) + np.uint8(127 * level)
        Image.fromarray(pixels).save(place / f"{number}.png")
    return str(folder)


def idx(folder: Path) -> str:
    """Write dark and light pictures as MNIST comes, and return their folder."""
    images, labels = _bytes((6, 6))
    for part, rows in (("train", slice(40)), ("t10k", slice(40, N))):
        for what, values in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = struct.pack(f">{values.ndim}I", *values[rows].shape)
            head = bytes([0, 0, 8, values.ndim]) + sizes
            (folder / f"{part}-{what}-ubyte").write_bytes(head + values[rows].tobytes())
    return str(folder)


def cifar(folder: Path) -> str:
    """Write dark and light pictures as CIFAR-10 comes, and return their folder."""
    images, labels = _bytes((3 * 32 * 32,))
    records = np.concatenate([labels[:, None], images], axis=1)
    (folder / "data_batch_1.bin").write_bytes(records[:40].tobytes())
    (folder / "test_batch.bin").write_bytes(records[40:].tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n")
    return str(folder)


def npz(folder: Path) -> str:
    """Write dark and light pictures as arrays, and return the file."""
    images, labels = _bytes((6, 6))
    np.savez(folder / "pictures.npz", x=images, y=labels)
    return str(folder / "pictures.npz")


def _bytes(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return bytes [N, ...], dark and light in turn, and which they are [N]."""
    labels = np.arange(N, dtype=np.uint8) % 2
    values = np.random.default_rng(0).integers(0, 128, (N, *shape), dtype=np.uint8)
    return values + 127 * labels.reshape(-1, *[1] * len(shape)), labels


def csv(folder: Path) -> str:
    """Write a table of two numbers and a word to predict, and return its path."""
    path = folder / "table.csv"
    lines = ["length,width,kind"]
    rng = np.random.default_rng(0)
    for number, (length, width) in enumerate(rng.random((N, 2))):
        lines.append(f"{length:.4f},{width + number % 2:.4f},{CLASSES[number % 2]}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def parquet(folder: Path) -> str:
    """Write the same table in columns, and return its path."""
    path = folder / "table.parquet"
    table = needs("pyarrow.csv", "parquet").read_csv(csv(folder))
    needs("pyarrow.parquet", "parquet").write_table(table, str(path))
    return str(path)


def text(folder: Path) -> str:
    """Write lines, and return their path."""
    path = folder / "lines.txt"
    path.write_text("".join(f"line number {number}\n" for number in range(N)))
    return str(path)


def textfolder(folder: Path) -> str:
    """Write a folder of texts for each class, and return its path."""
    for number in range(N):
        place = folder / CLASSES[number % 2]
        place.mkdir(exist_ok=True)
        (place / f"{number}.txt").write_text(f"{CLASSES[number % 2]} text number {number}\n")
    return str(folder)


def csv_text(folder: Path) -> str:
    """Write a table of texts and their classes, and return its path."""
    path = folder / "texts.csv"
    rows = (f'"{n}, and {CLASSES[n % 2]}",{CLASSES[n % 2]}\n' for n in range(N))
    path.write_text("text,label\n" + "".join(rows))
    return str(path)


def pairs(folder: Path) -> str:
    """Write numbers and their digits in words, and return their file."""
    path = folder / "pairs.tsv"
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    lines = (f"{n}\t{' '.join(words[int(digit)] for digit in str(n))}\n" for n in range(N))
    path.write_text("".join(lines))
    return str(path)


def series(folder: Path) -> str:
    """Write a series of two columns by days, some values missing, and return its path."""
    path = folder / "series.csv"
    days = np.datetime64("2024-01-01") + np.arange(N)
    swings = np.sin(2 * np.pi * np.arange(N) / 7)
    rows = (
        f"{day},{swing:.3f},{'' if n % 11 == 3 else n % 7}\n"
        for n, (day, swing) in enumerate(zip(days, swings, strict=True))
    )
    path.write_text("day,swing,weekday\n" + "".join(rows))
    return str(path)


def audiofolder(folder: Path) -> str:
    """Write low and high tones of different lengths, a folder each, and return their folder."""
    from scipy.io import wavfile

    for number in range(N):
        name, frequency = (("low", 300), ("high", 1_500))[number % 2]
        (folder / name).mkdir(exist_ok=True)
        steps = np.arange(800 + 20 * number) / 8_000
        tone = 0.5 * np.sin(2 * np.pi * (frequency + number) * steps)
        wavfile.write(folder / name / f"{number}.wav", 8_000, (tone * 32_767).astype(np.int16))
    return str(folder)


def trees(folder: Path) -> str:
    """Write praise and blame of two words in brackets, and return their file."""
    path = folder / "trees.txt"
    says = (("bad", 0), ("fine", 1))
    parts = ((n, *says[n % 2]) for n in range(N))
    lines = (f"({label} (2 part-{n}) ({label} {word}))" for n, word, label in parts)
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def hub(folder: Path) -> str:
    """Save the same table as the Hugging Face library does, and return its folder."""
    datasets = needs("datasets", "hub")
    datasets.disable_progress_bars()
    names = datasets.ClassLabel(names=list(CLASSES))
    rng = np.random.default_rng(0)
    table = {"length": rng.random(N), "label": [number % 2 for number in range(N)]}
    features = datasets.Features({"length": datasets.Value("float32"), "label": names})
    datasets.Dataset.from_dict(table, features=features).save_to_disk(str(folder / "saved"))
    return str(folder / "saved")
