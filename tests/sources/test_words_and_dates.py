"""Numbers in words, dates in many ways and stories mean what another reader makes of them."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

import numpy as np
import pytest

from lab.data.splits import split
from lab.data.tokens import sentence
from lab.errors import UsageError
from lab_sources.dates import HELD_OUT, TEMPLATES
from lab_sources.number_words import in_words, is_held_out
from lab_sources.stories import PEOPLE, THINGS

# -- number-words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"), (7, "seven"), (13, "thirteen"), (20, "twenty"), (85, "eighty-five"),
        (100, "one hundred"), (234, "two hundred thirty-four"), (1_000, "one thousand"),
        (10_010, "ten thousand ten"), (40_000, "forty thousand"),
        (612_319, "six hundred twelve thousand three hundred nineteen"),
    ],
)  # fmt: skip
def test_numbers_are_called_as_in_english(number, words) -> None:
    assert in_words(number) == words


SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
VALUES = dict(zip(SMALL.split(), [*range(20), *range(20, 100, 10)], strict=True))


def read(words: str) -> int:
    total = part = 0
    for word in words.replace("-", " ").split():
        if word == "hundred":
            part *= 100
        elif word == "thousand":
            total, part = total + 1_000 * part, 0
        else:
            part += VALUES[word]
    return total + part


@pytest.mark.parametrize(("unit", "glue"), [("char", ""), ("word", " ")])
def test_words_read_as_the_number(ask, unit, glue) -> None:
    dataset = ask("number-words", n=2_000, digits=6, unit=unit)
    assert (dataset.kind, dataset.task) == ("tokens", "translate")
    for row, number in enumerate(dataset.factors["number"]):
        assert "".join(sentence(dataset.inputs[row], dataset.vocabulary)) == str(number)
        words = glue.join(sentence(dataset.targets[row], dataset.target_vocabulary))
        assert read(words) == number
    assert len(set(dataset.factors["number"])) == 2_000


def test_digits_of_held_out_numbers_are_known_from_others(ask) -> None:
    dataset = ask("number-words", n=0, digits=3)
    assert sorted(dataset.factors["number"]) == list(range(1_000))
    train = dataset.factors["number"][~dataset.test]
    ends = {number % 100 for number in dataset.factors["number"][dataset.test]}
    assert len(ends) == 17
    assert not ends & {number % 100 for number in train}
    assert {number // 10 for number in ends} <= {number % 100 // 10 for number in train if number}
    assert {number % 10 for number in ends} <= {number % 10 for number in train}
    assert is_held_out(np.array([24, 124, 23, 44, 15, 60])).tolist() == [True, True] + 4 * [False]


def test_there_are_only_so_many_numbers(ask) -> None:
    with pytest.raises(UsageError, match="number-words: n=101, but there are 100"):
        ask("number-words", n=101, digits=2)


# -- dates

FORMATS = {
    "{day}": "%d", "{dd}": "%d", "{m}": "%m", "{mm}": "%m", "{year}": "%Y", "{month}": "%B",
    "{mon}": "%b", "{weekday}": "%A", "{ordinal}": "%d",
}  # fmt: skip


def test_dates_are_what_datetime_reads(ask) -> None:
    dataset, ways = ask("dates", n=3_000), [*TEMPLATES, *HELD_OUT]
    assert (dataset.kind, dataset.task, dataset.targets.shape[1]) == ("tokens", "translate", 11)
    for row, way in enumerate(dataset.factors["template"]):
        text = "".join(sentence(dataset.inputs[row], dataset.vocabulary))
        form = ways[way]
        if "{ordinal}" in form:
            number = next(
                w for w in text.replace(",", "").split() if w[:1].isdigit() and w[-1] > "9"
            )
            assert number[-2:] == suffix(int(number[:-2]))
            text = text.replace(number, number[:-2])
        for part, code in FORMATS.items():
            form = form.replace(part, code)
        day = datetime.strptime(text, form).date()
        assert day.strftime("%A") in text or "%A" not in form
        target = "".join(sentence(dataset.targets[row], dataset.target_vocabulary))
        assert date.fromisoformat(target) == day
        assert (day - date(1900, 1, 1)).days == dataset.factors["day"][row]
    assert set(dataset.factors["template"]) == set(range(len(ways)))


def suffix(number: int) -> str:
    known = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    return known.get(number, "th")


def test_ways_that_are_tested_are_never_shown_but_their_parts_are(ask) -> None:
    dataset = ask("dates")
    parts = split(dataset, "dates")
    ways = {part: set(dataset.factors["template"][rows]) for part, rows in parts.items()}
    assert ways["test"] == {len(TEMPLATES) + i for i in range(len(HELD_OUT))}
    assert ways["train"] == ways["eval"] == set(range(len(TEMPLATES)))
    for form in HELD_OUT:
        for part in FORMATS:
            assert part not in form or any(part in way for way in TEMPLATES)
    assert set(dataset.inputs[parts["test"]].ravel()) <= set(dataset.inputs[parts["train"]].ravel())


# -- stories


def answer(text: str) -> str:
    """Read a story and answer its question, knowing verbs alone."""
    *facts, question = text.removesuffix(" ?").split(" . ")
    at: dict[str, str] = {}
    carries: dict[str, str] = {}
    for fact in facts:
        who, _, what = fact.partition(" ")
        verb, _, name = what.rpartition(" the ")
        if verb in ("went to", "moved to", "walked to", "ran to"):
            at[who] = name
            at.update({thing: name for thing, holder in carries.items() if holder == who})
        elif verb in ("took", "picked up"):
            assert at.get(name, at[who]) == at[who], "it was taken where it lay"
            assert name not in carries, "nobody else had it"
            carries[name], at[name] = who, at[who]
        else:
            assert verb in ("dropped", "put down")
            assert carries.pop(name) == who
    return at[question.split()[-1]]


@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("facts", [2, 5, 12])
def test_the_answer_follows_from_the_story(ask, hops, facts) -> None:
    dataset = ask("stories", n=400, hops=hops, facts=facts)
    assert (dataset.kind, dataset.task) == ("tokens", "classify")
    for row in range(400):
        words = sentence(dataset.inputs[row], dataset.vocabulary)
        assert words.count(".") == facts
        expected = dataset.classes[dataset.targets[row]]
        assert answer(" ".join(words)) == expected
        start, end = (int(dataset.factors[name][row]) for name in ("start", "end"))
        assert " ".join(words[start : end + 1]) == expected
        question = int(dataset.factors["question"][row])
        assert words[question : question + 2] == ["where", "is"]
        assert end < question
        assert words[-2] in (PEOPLE if hops == 1 else THINGS)


def test_no_template_is_on_two_sides(ask) -> None:
    dataset = ask("stories")
    parts = split(dataset, "stories")
    seen = {part: set(dataset.factors["template"][rows]) for part, rows in parts.items()}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["eval"]
    assert len(seen["test"]) > 20


def test_stories_of_one_template_go_alike(ask) -> None:
    dataset = ask("stories", hops=2)
    forms: dict[int, set[str]] = {}
    for row, template in enumerate(dataset.factors["template"]):
        words = sentence(dataset.inputs[row], dataset.vocabulary)
        names: dict[str, str] = {}
        form = [
            names.setdefault(word, str(len(names)))
            for word in words
            if word in PEOPLE or word in THINGS
        ]
        forms.setdefault(int(template), set()).add(" ".join(form))
    assert all(len(found) == 1 for found in forms.values())
    assert len(forms) < len(dataset)


def test_answers_are_even(ask) -> None:
    counts = Counter(ask("stories", n=6_000).targets.tolist())
    assert len(counts) == 6
    assert all(abs(n - 1_000) < 5 * np.sqrt(1_000) for n in counts.values())
