"""Offer sequences: real ones in installed packages, drawn ones, and those in files of one's own."""

from __future__ import annotations

from collections.abc import Iterator

from lab import SourceSpec

OPTIONS = "lab_sources.sequence_options"


def sequences() -> Iterator[SourceSpec]:
    """What needs no files of one's own."""
    yield from _labeled()
    yield from _streams()
    yield from _spoken()
    yield from _drawn()


def _labeled() -> Iterator[SourceSpec]:
    """Real series with classes, in aeon's files."""
    for name, summary in (
        ("japanese-vowels", "640 utterances of nine speakers, 7 to 29 steps of 12 coefficients"),
        ("gunpoint", "200 movements of a hand that draws a gun, or points"),
        ("arrow-head", "211 outlines of arrow heads of three kinds"),
        ("osu-leaf", "442 outlines of leaves of six trees"),
        ("basic-motions", "80 recordings of a watch, six sensors, in four motions"),
        ("italy-power-demand", "1,096 days of electricity by the hour, in summer or winter"),
    ):
        yield SourceSpec(name, summary, load=f"lab_sources.aeon_series:{name.replace('-', '_')}")


def _streams() -> Iterator[SourceSpec]:
    for name, summary in (
        ("sunspots", "Spots of the sun, year by year from 1700 to 2008"),
        ("co2", "Carbon dioxide over Mauna Loa, week by week from 1958 to 2001"),
    ):
        yield SourceSpec(name, summary, load=f"lab_sources.sun_and_air:{name}", task="forecast")
    yield SourceSpec(
        "stdlib",
        "The source of Python's own library, a text of 10 million characters",
        load="lab_sources.stdlib:stdlib",
        options=f"{OPTIONS}:Library",
        task="lm",
    )


def _spoken() -> Iterator[SourceSpec]:
    yield SourceSpec(
        "cmudict",
        "How 124,926 English words are said: letters to phonemes",
        load="lab_sources.cmudict:cmudict",
        options=f"{OPTIONS}:Words",
        task="translate",
    )
    yield SourceSpec(
        "pypinyin",
        "How 47,111 Chinese phrases are said: characters to pinyin",
        load="lab_sources.pypinyin:pypinyin",
        options=f"{OPTIONS}:Phrases",
        task="translate",
    )


def _drawn() -> Iterator[SourceSpec]:
    yield SourceSpec(
        "waves",
        "Sequences of a value that swings in one of four forms",
        load="lab_sources.waves:waves",
        options="lab_sources.options:Waves",
    )
    yield SourceSpec(
        "sentences",
        "All 9,600 sentences of a small grammar, whose words agree in number",
        load="lab_sources.sentences:sentences",
        options="lab_sources.options:Sentences",
    )
    for name, options, task, summary in (
        ("adding", "Adding", "regress", "Two marked numbers of a long sequence are to be added"),
        ("copy-memory", "CopyMemory", "classify", "Symbols are to be recalled after a pause"),
        ("reverse", "Reverse", "translate", "Letters are to be written backwards, or again"),
        ("number-words", "NumberWords", "translate", "Numbers, 234, to words: two hundred ..."),
        ("dates", "Dates", "translate", "Dates, written in many ways, to ISO 8601"),
        ("stories", "Stories", "classify", "Who went where and took what, and a question"),
        ("regimes", "Regimes", "forecast", "A series whose trend and season change now and then"),
        ("utterances", "Utterances", "translate", "A made-up speech of tones, to digits"),
        ("captions", "Captions", "translate", "Pictures of a figure, and what they show"),
    ):
        module = name.replace("-", "_")
        yield SourceSpec(
            name,
            summary,
            load=f"lab_sources.{module}:{module}",
            options=f"{OPTIONS}:{options}",
            task=task,
        )


def files() -> Iterator[SourceSpec]:
    """What reads files of one's own."""
    yield SourceSpec(
        "pairs",
        "Sentences and what to make of them, in two columns: translations",
        load="lab_sources.pairs:pairs",
        options=f"{OPTIONS}:Pairs",
        argument="FILE",
        task="translate",
        example="lab_sources.examples:pairs",
        suffixes=(".tsv",),
    )
    yield SourceSpec(
        "series",
        "A series to forecast: columns of numbers, in the order of time",
        load="lab_sources.series:series",
        options=f"{OPTIONS}:Series",
        argument="FILE",
        task="forecast",
        example="lab_sources.examples:series",
        suffixes=(".csv", ".tsv"),
    )
    yield SourceSpec(
        "audiofolder",
        "Sounds, WAV files, in a folder for each class",
        load="lab_sources.audio:audiofolder",
        options=f"{OPTIONS}:Audio",
        argument="PATH",
        example="lab_sources.examples:audiofolder",
        suffixes=("/",),
    )
