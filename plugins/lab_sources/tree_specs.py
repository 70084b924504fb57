"""Offer trees over sentences: drawn ones, those of Python's parser, and those in files."""

from __future__ import annotations

from collections.abc import Iterator

from lab import SourceSpec

OPTIONS = "lab_sources.tree_options"


def trees() -> Iterator[SourceSpec]:
    for name, options, task, summary in (
        ("sentiment-trees", "SentimentTrees", "classify", "Praise and blame, negated and joined"),
        ("grammar", "Grammar", "parse", "English of a small grammar of nested phrases"),
        ("scenes", "Scenes", "parse", "Segments that are parts of objects in a row"),
        ("stdlib-expr", "Expressions", "parse", "Expressions of Python's own library"),
    ):
        module = name.replace("-", "_")
        yield SourceSpec(
            name,
            summary,
            load=f"lab_sources.{module}:{module}",
            options=f"{OPTIONS}:{options}",
            task=task,
        )
    yield SourceSpec(
        "trees",
        "Trees in brackets, a line each, as sentiment treebanks are",
        load="lab_sources.tree_files:trees",
        options=f"{OPTIONS}:TreeFiles",
        argument="PATH",
        task="",
        infer_task="lab_sources.tree_files:trees_task",
        example="lab_sources.examples:trees",
        suffixes=(".txt", "/"),
    )
