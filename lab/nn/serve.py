"""Answer with an exported model: python serve.py model.onnx example.csv

Needs onnxruntime and numpy, and Pillow for images; neither torch nor what trained the model.
INPUT is a csv file with column names, an image, or a text or the file of one. Each answer is a line
of JSON.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

MARK = "Answer with an exported model"  # by which this script is known
MISSING = {  # as pandas reads them
    "", "NA", "N/A", "n/a", "#N/A", "#NA", "#N/A N/A", "<NA>", "nan", "NaN", "-nan", "-NaN", "null",
    "NULL", "None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
}  # fmt: skip
BOOLEANS = {"true": 1.0, "false": 0.0}
UNKNOWN = -1.0  # the number of a category that training never saw
UNKNOWN_ID, FIRST_ID = 3, 4  # of a word that training does not know, and of the first it does
DELIMITERS = ",;\t|"
DAY = 86_400.0  # seconds
TOP = 3  # classes in an answer
BATCH = 256


class Model:
    """An ONNX file, and what stands in it of its inputs and answers."""

    def __init__(self, path: str) -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        facts = self.session.get_modelmeta().custom_metadata_map
        self.facts = {name: json.loads(text) for name, text in facts.items() if text[:1] in '"[{'}

    def __call__(self, inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return answers [N, ...] to inputs [N, ...], some at a time."""
        parts = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
        return np.concatenate([self.session.run(None, {"inputs": part})[0] for part in parts])


def read_image(path: str, facts: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """Return an image file in the model's size and channels, as training read its own: uint8
    [1, C, H, W]."""
    from PIL import Image, ImageOps

    _, channels, height, width = facts["inputs"]["shape"]
    if facts["inputs"]["dtype"] != "uint8":
        sys.exit(f"{path}: training learned from images of floats outside [0, 1], not of bytes")
    with Image.open(path) as image:
        image.draft(None, (2 * max(width, height), 2 * max(width, height)))
        picture: Image.Image = ImageOps.exif_transpose(image)
        if picture.mode.startswith("I"):  # of sixteen bits the upper eight
            values = np.asarray(picture).astype(np.int64) >> 8
            picture = Image.fromarray(values.astype(np.uint8))
        if picture.has_transparency_data:
            color = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", color.size, "white"), color)
        picture = picture.convert("L" if channels == 1 else "RGB")
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(picture, np.uint8).reshape(height, width, -1)
    return np.ascontiguousarray(array.transpose(2, 0, 1)[None])


def read_table(path: str, facts: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """Return the rows of a csv file as numbers: float64 [N, F]."""
    head, rows, delimiter = read_csv(path, facts)
    missing = MISSING | {word.strip() for word in facts["written"].get("na", "").split("+")}
    decimal = "." if delimiter == "," else ","
    columns = facts["columns"]
    if not columns:  # they have no names
        columns = [{"name": name, "type": "number"} for name in head]
    absent = [column["name"] for column in columns if column["name"] not in head]
    if absent:
        sys.exit(f"{path} lacks the columns {', '.join(absent)}")
    inputs = np.full((len(rows), len(columns)), np.nan)
    for n, row in enumerate(rows):
        place = f"{path}, row {n}"
        named = dict(zip(head, row, strict=True))
        for m, column in enumerate(columns):
            cell = named[column["name"]]
            if cell not in missing:
                inputs[n, m] = number(cell, column, place, decimal)
        if np.isnan(inputs[n]).any() and not facts["preparation"]["fill"]:
            sys.exit(f"{place}: a value is missing, and training has not learned to fill it")
    return inputs


def read_csv(path: str, facts: Mapping[str, Any]) -> tuple[list[str], list[list[str]], str]:
    """Return the column names of a csv file, its rows, and what is between their cells."""
    text = StringIO(text_of(path, facts["written"]), newline="")
    lines = without_comments(text.readlines())
    delimiter = max(DELIMITERS, key=lines[0].count) if lines else ","
    cells = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    head, *rows = [[cell.strip() for cell in line] for line in cells if line] or [[]]
    for n, row in enumerate(rows):
        if len(row) != len(head):
            sys.exit(f"{path}, row {n}: {len(row)} fields under {len(head)} column names")
    return head, rows, delimiter


def read_texts(word: str, facts: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """Return the tokens of a text, of the file of one, or of a column of a csv file: int64 [N, T],
    cut at T and filled up with 0."""
    if not facts["text"]:
        sys.exit("This model takes numbers of its vocabulary: call it by onnxruntime")
    length, tokenizer = facts["text"]["length"], facts["text"]["tokenizer"]
    texts = list(texts_of(word, facts))
    inputs = np.zeros((len(texts), length), np.int64)
    for row, text in zip(inputs, texts, strict=True):
        ids = (token_ids(text, tokenizer, facts["text"]["pattern"]) or [UNKNOWN_ID])[:length]
        row[: len(ids)] = ids
    return inputs


def texts_of(word: str, facts: Mapping[str, Any]) -> Iterator[str]:
    try:
        is_file = Path(word).is_file()
    except OSError:  # too long a name for a file
        is_file = False
    if not is_file:
        yield word
    elif not word.lower().endswith((".csv", ".tsv")):
        yield text_of(word, facts["written"]).strip()
    else:
        head, rows, _ = read_csv(word, facts)
        name = facts["written"].get("text", "text")
        if name not in head and len(head) > 1:
            sys.exit(f"{word} has no column {name}; it has {', '.join(head)}")
        column = head.index(name) if name in head else 0
        yield from (row[column] for row in rows)


def token_ids(text: str, tokenizer: Mapping[str, Any], pattern: str) -> list[int]:
    """Return the ids of a text, by a tokenizer as training kept it."""
    name = tokenizer["tokenizer"]
    if name == "byte":
        return [FIRST_ID + byte for byte in text.encode()]
    if name == "bpe":
        from tokenizers import Tokenizer

        pairs = Tokenizer.from_str(json.dumps(tokenizer["pairs"]))
        return [FIRST_ID + number for number in pairs.encode(text, add_special_tokens=False).ids]
    known = tokenizer["words" if name == "word" else "characters"]
    ids = {piece: number for number, piece in enumerate(known, FIRST_ID)}
    if name == "word":
        lower = text.lower() if tokenizer["lowercase"] else text
        return [ids.get(word, UNKNOWN_ID) for word in re.findall(pattern, lower)]
    return [ids.get(character, UNKNOWN_ID) for character in text]


def text_of(path: str, written: Mapping[str, str]) -> str:
    """Return a file's text: UTF-8, or else in the encoding of the file that training read."""
    content = Path(path).read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if "encoding" not in written:
            sys.exit(f"{path} is not UTF-8: write it as UTF-8 first")
        return content.decode(written["encoding"])


def without_comments(lines: Sequence[str]) -> Sequence[str]:
    """Return lines without those at the start that begin with #. The last of them is the column
    names where it has as many delimiters as the line after it."""
    first = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if 0 < first < len(lines):
        above, below = (
            [line.count(d) for d in DELIMITERS] for line in lines[first - 1 : first + 1]
        )
        if above == below and any(above):
            first -= 1
    return lines[first:]


def number(cell: str, column: Mapping[str, Any], place: str, decimal: str) -> float:
    """Return what stands for a cell: a category's number, days since 1970; of a number, which may
    have a point or `decimal`, itself."""
    try:
        if column["type"] == "category":
            known: Sequence[str] = column["categories"]
            return float(known.index(cell)) if cell in known else UNKNOWN
        if column["type"] == "boolean":
            return BOOLEANS[cell.lower()]
        if column["type"] == "date":
            return days(cell, column["form"])
        return float(cell.replace(decimal, "."))
    except (KeyError, ValueError):
        sys.exit(f"{place}: {column['name']} is no {column['type']}: {cell!r}")


def days(cell: str, form: str) -> float:
    """Return the days since 1970 of a date in ISO 8601, or as the file of the training wrote it."""
    if "%" in form and not (cell[:4].isdigit() and cell[4:5] == "-"):
        day, _, clock = cell.partition(" ")
        hour, minute, second = ([int(part) for part in clock.split(":") if part] + [0, 0, 0])[:3]
        time = datetime.strptime(day, form).replace(hour=hour, minute=minute, second=second)
    else:
        time = datetime.fromisoformat(cell)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() / DAY


def told(answer: np.ndarray[Any, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer by name: the likeliest classes, values, or what the model gives."""
    if facts["outputs"] == "probabilities" and answer.ndim == 1:
        best = np.argsort(-answer)[:TOP]
        return {"classes": {facts["classes"][n]: float(answer[n]) for n in best}}
    if facts["outputs"] == "values":
        names = facts["target"]
        if len(names) != len(answer):
            names = ["value"] if len(answer) == 1 else [f"value {n}" for n in range(len(answer))]
        return {"values": dict(zip(names, map(float, answer), strict=True))}
    return {facts["outputs"]: answer.tolist()}


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(f"Usage: python {sys.argv[0]} MODEL.onnx INPUT...")
    model = Model(sys.argv[1])
    readers = {"image": read_image, "table": read_table, "tokens": read_texts}
    read = readers[model.facts["kind"]]
    for path in sys.argv[2:]:
        if model.facts["kind"] != "tokens" and not Path(path).is_file():
            sys.exit(f"There is no file {path}")
        for answer in model(read(path, model.facts)):
            print(json.dumps({"input": path, **told(answer, model.facts)}, ensure_ascii=False))


if __name__ == "__main__":
    main()
