"""Pairs, series and sounds of one's own are read as they lie, and mistakes are plain lines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import wavfile

from lab.data import sources
from lab.data.dataset import checked
from lab.data.log_mel import log_mel
from lab.data.tokens import sentence
from lab.errors import UsageError

# -- pairs


def test_pairs_are_characters_or_words(ask, tmp_path) -> None:
    path = tmp_path / "some.tsv"
    path.write_text("Go!\tVa !\tCC-BY\nI see.\tJe vois.\n", encoding="utf-8")
    chars, words = ask(f"pairs:{path}"), ask(f"pairs:{path}", unit="word")
    assert (chars.kind, chars.task) == ("tokens", "translate")
    assert pair(chars, 1) == (list("I see."), list("Je vois."))
    assert pair(words, 0) == (["Go", "!"], ["Va", "!"])
    assert pair(words, 1) == (["I", "see", "."], ["Je", "vois", "."])
    assert words.target_vocabulary == ("", "!", ".", "Je", "Va", "vois")
    assert (chars.inputs.shape[1], chars.targets.shape[1]) == (6, 9)  # targets have their end
    assert chars.notes == ("columns after the second are left out",)


def pair(dataset, row: int) -> tuple[list[str], list[str]]:
    source = sentence(dataset.inputs[row], dataset.vocabulary)
    return source, sentence(dataset.targets[row], dataset.target_vocabulary)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("alone", "line 3: there is no tab, so that it has no target"),
        ("a\t ", "line 3: its target is empty"),
        ("\tb", "line 3: its source is empty"),
    ],
)
def test_a_line_that_lacks_a_side_is_named_and_can_be_skipped(ask, tmp_path, line, message) -> None:
    path = tmp_path / "some.tsv"
    path.write_text(f"a\tb\n\n{line}\nc\td\n")
    with pytest.raises(UsageError, match=message):
        ask(f"pairs:{path}")
    assert len(ask(f"pairs:{path}", skip_bad=True)) == 2


def test_long_pairs_are_left_out_and_counted(ask, tmp_path) -> None:
    path = tmp_path / "some.tsv"
    path.write_text("abc\tx\nab\tx\na\txyz\n")
    dataset = ask(f"pairs:{path}", longest=2)
    assert len(dataset) == 1
    assert "2 pairs of more than 2 tokens on a side are left out" in dataset.notes[0]
    with pytest.raises(UsageError, match="every pair has more than 1 token"):
        path.write_text("abc\tx\n")
        ask(f"pairs:{path}", longest=1)


def test_pairs_of_another_encoding_are_read_as_said(ask, tmp_path) -> None:
    path = tmp_path / "some.tsv"
    path.write_bytes("Käse\tcheese\n".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8: line 1"):
        ask(f"pairs:{path}")
    assert pair(ask(f"pairs:{path}", encoding="latin-1"), 0)[0] == list("Käse")


def test_an_empty_file_of_pairs_is_refused(ask, tmp_path) -> None:
    (tmp_path / "some.tsv").write_text("\n \n")
    with pytest.raises(UsageError, match="is empty"):
        ask("pairs:some.tsv")


# -- series


def test_numbers_in_the_order_of_time_are_the_series(ask, tmp_path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("day,a,shop,b\n2024-01-02,3,x,1.5\n2024-01-01,1,y,\n2024-01-04,5,x,4.5\n")
    dataset = ask(f"series:{path}", target="b")
    assert (dataset.kind, dataset.task, dataset.stream) == ("series", "forecast", True)
    assert (dataset.features, dataset.target) == (("a", "b"), ("b",))
    assert dataset.inputs.tolist() == [[1, 1.5], [3, 1.5], [5, 4.5]]
    notes = "\n".join(dataset.notes)
    assert "rows are sorted by 'day', which is left out" in notes
    assert "'shop' is left out: it holds no numbers" in notes
    assert "missing values are interpolated: 1 of b, in 3 rows" in notes


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-03"], ()),
        (["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"], ()),  # months are no gaps
        (
            ["2024-01-05", "2024-01-01", "2024-01-02", "2024-01-06"],
            ("'day' has 1 gap of up to 3 days, where its usual step is 1 day",),
        ),
        (
            ["2024-01-01 00:00", "2024-01-01 00:30", "2024-01-01 00:30", "2024-01-01 03:00",
             "2024-01-01 03:30"],
            ("1 row of 'day' repeat", "'day' has 1 gap of up to 2.5 hours, where its usual step "
             "is 30 minutes"),
        ),
    ],
    ids=["days", "months", "a gap", "hours"],
)  # fmt: skip
def test_dates_that_are_missing_or_repeated_are_told(ask, tmp_path, dates, said) -> None:
    path = tmp_path / "some.csv"
    path.write_text("day,v\n" + "".join(f"{date},{n}\n" for n, date in enumerate(dates)))
    notes = [note for note in ask(f"series:{path}").notes if "left out" not in note]
    assert len(notes) == len(said)
    for note, part in zip(notes, said, strict=True):
        assert part in note


def test_what_is_missing_lies_on_the_line_between_its_neighbors(ask, tmp_path) -> None:
    path = tmp_path / "some.csv"
    cells = ["", "2", "", "", "8", "", "7", ""]
    path.write_text("v,w\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells)))
    dataset = ask(f"series:{path}", drop="w")
    assert dataset.inputs[:, 0].tolist() == [2, 2, 4, 6, 8, 7.5, 7, 7]
    assert "4 of" not in dataset.notes[-1]
    assert "5 of v, in 8 rows" in dataset.notes[-1]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\nx,y\n", {}, "holds no column of numbers"),
        ("a,b\n1,y\n2,x\n", {"target": "b"}, "b holds no numbers"),
        ("a,b\n1,2\n", {"target": "c"}, "has no column 'c'"),
        ("a,b\n1,2\n", {"drop": "c"}, "has no column 'c'"),
        ("a,b\n", {}, "no rows"),
        ("day,v\n2024-01-01,1\n,2\n", {}, "row 1: its day is missing"),
        ("a,b\n1,2\ninf,3\n", {}, "row 1: a is inf"),
    ],
)
def test_a_series_that_is_none_is_refused(ask, tmp_path, text, options, message) -> None:
    (tmp_path / "some.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        ask("series:some.csv", **options)


# -- audiofolder


def tone(rate: int, seconds: float = 0.2, frequency: float = 500.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def folder(tmp_path):
    for name in ("high", "low"):
        (tmp_path / "sounds" / name).mkdir(parents=True)
        wavfile.write(tmp_path / "sounds" / name / "0.wav", 8_000, tone(8_000).astype(np.float32))
    return tmp_path / "sounds"


def loaded(offered, folder, **options):
    spec, argument = sources.find(f"audiofolder:{folder}", offered)
    return checked(sources.load(spec, argument, options), "some", skip_bad=True)


@pytest.mark.parametrize(
    ("values", "accuracy"),
    [
        ((tone(8_000) * 2**15).astype(np.int16), 0.01),
        ((tone(8_000) * 2**31).astype(np.int32), 1e-4),
        ((tone(8_000) * 128 + 128).round().astype(np.uint8), 0.05),
        (tone(8_000), 1e-6),
        (np.stack([tone(8_000) * 2, np.zeros(1_600)], axis=1), 1e-6),  # averaged
    ],
    ids=["int16", "int32", "uint8", "float", "stereo"],
)
def test_a_sound_is_the_same_however_it_is_written(ask, folder, values, accuracy) -> None:
    wavfile.write(folder / "low" / "1.wav", 8_000, values)
    dataset = ask(f"audiofolder:{folder}")
    assert (dataset.kind, dataset.task, dataset.classes) == (
        "sequence",
        "classify",
        ("high", "low"),
    )
    expected = log_mel(tone(8_000), 8_000)
    loud = expected > 0
    assert loud.any()
    for features in dataset.inputs:
        np.testing.assert_allclose(features[loud], expected[loud], atol=accuracy)
    assert dataset.targets.tolist() == [0, 1, 1]
    assert any("several channels" in note for note in dataset.notes) == (values.ndim == 2)


def test_another_rate_is_brought_to_that_of_most_and_told(ask, folder) -> None:
    wavfile.write(folder / "low" / "1.wav", 16_000, tone(16_000))
    dataset = ask(f"audiofolder:{folder}")
    assert dataset.notes == ("1 file of 16,000 Hz resampled to 8,000 Hz; rate=HZ chooses another",)
    middle = dataset.inputs[:, 5]
    loud = middle[0] > 0
    np.testing.assert_allclose(middle[2][loud], middle[0][loud], atol=0.02)
    asked = ask(f"audiofolder:{folder}", rate=16_000)
    assert "2 files of 8,000 Hz resampled to 16,000 Hz" in asked.notes[0]


def test_lengths_are_in_the_mask_and_long_sounds_are_cut(ask, folder) -> None:
    wavfile.write(folder / "low" / "1.wav", 8_000, tone(8_000, 1.0))
    dataset = ask(f"audiofolder:{folder}", seconds=0.5)
    frames = [1 + (samples - 256) // 80 for samples in (1_600, 1_600, 4_000)]
    assert dataset.mask.sum(1).tolist() == frames
    assert dataset.shape == (max(frames), 40)
    assert dataset.notes == ("1 file cut after 0.5 s; seconds=S keeps more",)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "may be cut off"),
        (lambda data: data[:20], "no WAV file that can be read"),
        (lambda data: b"ID3" + data, "no WAV file that can be read"),
        (lambda data: b"", "no WAV file that can be read"),
    ],
    ids=["half", "head", "mp3", "empty"],
)
def test_a_damaged_file_is_named_and_can_be_skipped(offered, folder, damage, message) -> None:
    broken = folder / "low" / "1.wav"
    wavfile.write(broken, 8_000, (tone(8_000) * 2**15).astype(np.int16))
    broken.write_bytes(damage(broken.read_bytes()))
    dataset, bad = loaded(offered, folder)
    assert len(dataset) == 2
    assert len(bad) == 1
    assert str(broken) in bad[0]
    assert message in bad[0]


def test_a_sound_of_no_use_is_bad(offered, folder) -> None:
    wavfile.write(folder / "low" / "1.wav", 8_000, np.zeros(0, np.int16))
    wavfile.write(folder / "low" / "2.wav", 8_000, np.full(900, np.inf, np.float32))
    wavfile.write(folder / "low" / "3.wav", 100, np.zeros(900, np.int16))
    _, bad = loaded(offered, folder)
    assert "holds no sound" in bad[0]
    assert "not finite" in bad[1]
    assert "100 samples a second, fewer than 1,000" in bad[2]


def test_a_folder_of_damaged_files_alone_is_refused(offered, folder) -> None:
    for file in folder.rglob("*.wav"):
        file.write_bytes(b"RIFF")
    with pytest.raises(UsageError, match="no example that can be read"):
        loaded(offered, folder)


def test_folders_of_parts_are_the_splits(ask, folder) -> None:
    for part in ("train", "test"):
        for name in ("high", "low"):
            place = folder.parent / "parted" / part / name
            place.mkdir(parents=True)
            wavfile.write(place / "0.wav", 8_000, tone(8_000))
    dataset = ask(f"audiofolder:{folder.parent / 'parted'}")
    assert dataset.test.tolist() == [False, False, True, True]


def test_a_folder_without_sounds_is_refused(ask, tmp_path) -> None:
    with pytest.raises(UsageError, match="holds no folder with WAV files"):
        ask(f"audiofolder:{tmp_path}")
