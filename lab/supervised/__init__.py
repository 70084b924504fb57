"""Train on labels: the task of a source, its losses, early stopping, the options of all families.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "ClassifierOptions": "lab.supervised.options",
    "EarlyStop": "lab.supervised.early_stop",
    "LanguageOptions": "lab.supervised.language_config",
    "LanguageTask": "lab.supervised.language",
    "LabelOptions": "lab.supervised.options",
    "SupervisedConfig": "lab.supervised.config",
    "SupervisedTask": "lab.supervised.task",
    "TranslationOptions": "lab.supervised.translation_config",
    "TranslationTask": "lab.supervised.translation",
    "validate": "lab.supervised.early_stop",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.supervised.config import SupervisedConfig as SupervisedConfig
    from lab.supervised.early_stop import EarlyStop as EarlyStop
    from lab.supervised.early_stop import validate as validate
    from lab.supervised.language import LanguageTask as LanguageTask
    from lab.supervised.language_config import LanguageOptions as LanguageOptions
    from lab.supervised.options import ClassifierOptions as ClassifierOptions
    from lab.supervised.options import LabelOptions as LabelOptions
    from lab.supervised.task import SupervisedTask as SupervisedTask
    from lab.supervised.translation import TranslationTask as TranslationTask
    from lab.supervised.translation_config import TranslationOptions as TranslationOptions

__getattr__, __dir__ = attach(__name__, _HOME)
