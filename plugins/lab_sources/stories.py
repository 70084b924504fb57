"""Tell small stories of who went where and took what, and ask for a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

import lab
from lab_sources import token_rows

PEOPLE = ("mary", "john", "sandra", "daniel")
PLACES = ("kitchen", "garden", "office", "hallway", "living room", "dining room")
THINGS = ("apple", "ball", "book", "key")
MOVES = ("went to the", "moved to the", "walked to the", "ran to the")
TAKES = ("took the", "picked up the")
DROPS = ("dropped the", "put down the")

Span = tuple[int, int]  # the first and the last token of a place


def stories(n: int, facts: int, hops: int, seed: int) -> lab.Dataset:
    """Return tokens int [n, T] of a story of `facts` sentences and a question; class: the place
    that answers it.

    hops 1 asks where somebody is, hops 2 where a thing is, which somebody has taken along (the
    first two tasks of bAbI: Weston et al., 2015, section 3). Stories of one template, which differ
    by names, places and verbs alone, are one group: those to be tested on go in ways that training
    does not show. factors: start and end [n], the first and the last token of the answer in the
    story; question [n], where the question begins; template [n].
    """
    rng = np.random.default_rng(seed)
    told = [_told(facts, hops, rng) for _ in range(n)]
    number = {form: i for i, form in enumerate(dict.fromkeys(story.form for story in told))}
    template = np.array([number[story.form] for story in told])
    spans = np.array([story.answer for story in told])
    words = vocabulary()
    answers = [
        " ".join(story.words[first : last + 1]) for story in told for first, last in [story.answer]
    ]
    return lab.Dataset(
        token_rows.rows([story.words for story in told], words),
        np.array([PLACES.index(answer) for answer in answers]),
        PLACES,
        groups=template,
        factors={
            "start": spans[:, 0],
            "end": spans[:, 1],
            "question": np.array([story.question for story in told]),
            "template": template,
        },
        vocabulary=words,
    )


def vocabulary() -> tuple[str, ...]:
    """Return all words, each once; the first one is the end."""
    phrases = (*PEOPLE, *PLACES, *THINGS, *MOVES, *TAKES, *DROPS, ". ? where is the")
    return token_rows.vocabulary(phrase.split() for phrase in phrases)


@dataclass
class Story:
    """A story while it is told. place: where each person was last said to be; holder: who has a
    thing; lies: where a thing was put down; form: what happens, with people and things numbered as
    they come; answer, question: what is asked, and where it begins."""

    words: list[str] = field(default_factory=list)
    place: dict[str, Span] = field(default_factory=dict)
    holder: dict[str, str] = field(default_factory=dict)
    lies: dict[str, Span] = field(default_factory=dict)
    form: tuple[tuple[str, ...], ...] = ()
    answer: Span = (0, 0)
    question: int = 0
    seen: dict[str, str] = field(default_factory=dict)

    def say(self, *phrases: str) -> None:
        self.words += " ".join(phrases).split()

    def note(self, kind: str, *names: str) -> None:
        """Add to the form what happened, whoever did it."""
        for name in names:
            self.seen.setdefault(name, str(len(self.seen)))
        self.form = (*self.form, (kind, *(self.seen[name] for name in names)))

    def named(self, span: Span) -> str:
        """Return the place that a span names."""
        return " ".join(self.words[span[0] : span[1] + 1])

    def takeable(self, person: str) -> list[str]:
        """Return the things that somebody may take: new ones, and those that lie there."""
        if person not in self.place:
            return []
        here = self.named(self.place[person])
        return [
            thing
            for thing in THINGS
            if thing not in self.holder
            and (thing not in self.lies or self.named(self.lies[thing]) == here)
        ]


def _told(facts: int, hops: int, rng: np.random.Generator) -> Story:
    story = Story()
    if hops == 2:  # there is a thing to ask for
        person = _one(PEOPLE, rng)
        _move(story, person, rng)
        _take(story, person, rng)
    while len(story.form) < facts:
        _go_on(story, hops, rng)
    story.question = len(story.words)
    if hops == 1:
        asked = _one(list(story.place), rng)
        story.answer = story.place[asked]
        story.say("where is", asked, "?")
    else:
        asked = _one([*story.holder, *story.lies], rng)
        held = asked in story.holder
        story.answer = story.place[story.holder[asked]] if held else story.lies[asked]
        story.say("where is the", asked, "?")
    story.note("ask", asked)
    return story


def _go_on(story: Story, hops: int, rng: np.random.Generator) -> None:
    """Add a fact: in a story of one hop all are moves, otherwise half of them are, if something
    else is possible."""
    person = _one(PEOPLE, rng)
    holds = [thing for thing, holder in story.holder.items() if holder == person]
    if hops == 1 or rng.random() < 0.5 or not (holds or story.takeable(person)):
        _move(story, person, rng)
    elif holds and (rng.random() < 0.5 or not story.takeable(person)):
        _drop(story, person, _one(holds, rng), rng)
    else:
        _take(story, person, rng)


def _move(story: Story, person: str, rng: np.random.Generator) -> None:
    here = story.named(story.place[person]) if person in story.place else ""
    place = _one([place for place in PLACES if place != here], rng)
    story.say(person, _one(MOVES, rng), place, ".")
    last = len(story.words) - 2  # before the full stop
    story.place[person] = (last - place.count(" "), last)
    story.note("move", person)


def _take(story: Story, person: str, rng: np.random.Generator) -> None:
    thing = _one(story.takeable(person), rng)
    story.say(person, _one(TAKES, rng), thing, ".")
    story.holder[thing] = person
    story.lies.pop(thing, None)
    story.note("take", person, thing)


def _drop(story: Story, person: str, thing: str, rng: np.random.Generator) -> None:
    story.say(person, _one(DROPS, rng), thing, ".")
    del story.holder[thing]
    story.lies[thing] = story.place[person]
    story.note("drop", person, thing)


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
