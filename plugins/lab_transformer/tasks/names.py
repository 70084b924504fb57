"""Name what a Transformer may learn; to add a shape of task: a file, and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from lab_transformer.config import Config
from lab_transformer.tasks.labels import Labels
from lab_transformer.tasks.language import Language
from lab_transformer.tasks.masked import Masked
from lab_transformer.tasks.spans import Spans
from lab_transformer.tasks.task import Task
from lab_transformer.tasks.translation import Translation

TASKS: Mapping[str, type[Task]] = {  # by what is learned of the data
    "classify": Labels,
    "regress": Labels,
    "translate": Translation,
    "lm": Language,
}


def task_of(config: Config, learned: str) -> type[Task]:
    """Return the task of these options on data from which `learned` is learned."""
    if config.pretrain == "masked":
        return Masked
    if config.answer == "span":
        return Spans
    return TASKS[learned]
