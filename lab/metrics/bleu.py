"""Score translations by the n-grams that they share with references: BLEU-4.

Papineni et al. (2002), with the tokens and the smoothing of sacreBLEU (Post, 2018), which computes
it where it is installed.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from itertools import zip_longest
from typing import NamedTuple

ORDER = 4
_PUNCTUATION = (  # of mteval-v13a, in this order
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ENTITIES = {"&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">"}


class BleuScore(NamedTuple):
    """score and precisions of 1 to 4 words from 0 to 100; the brevity penalty, and the lengths in
    words; signature: what a score has to be reported with."""

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    length: int
    reference_length: int
    signature: str

    def __str__(self) -> str:
        parts = "/".join(f"{precision:.1f}" for precision in self.precisions)
        return (
            f"BLEU|{self.signature} = {self.score:.2f} {parts} (BP = {self.brevity_penalty:.3f} "
            f"hyp_len = {self.length} ref_len = {self.reference_length})"
        )


class Bleu:
    """BLEU of all texts together, whose counts are added up.

    tokenize: `13a` for languages that have spaces, `char` for those that have none, `none` where
    tokens are parted by spaces already. Texts are as a person would write them: another tokenizer
    before this one changes the score by more than models differ.
    """

    def __init__(self, tokenize: str = "13a", lowercase: bool = False) -> None:
        if tokenize not in TOKENIZE:
            raise ValueError(f"BLEU has no tokens {tokenize!r}; there is: {', '.join(TOKENIZE)}")
        self.tokenize, self.lowercase = tokenize, lowercase
        self._hypotheses: list[str] = []
        self._references: list[list[str]] = []

    def add(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Add B texts, and of each its references, one or more. Raises ValueError where a reference
        is missing or empty."""
        for hypothesis, known in zip(hypotheses, references, strict=True):
            if isinstance(known, str) or not known or not all(known):
                raise ValueError("each text has a list of references, of which none is empty")
            self._hypotheses.append(hypothesis)
            self._references.append(list(known))

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return `bleu`, from 0 to 100; on "test" with n, the number of texts."""
        metrics = {"bleu": self.score().score}
        return {**metrics, "n": len(self._hypotheses)} if split == "test" else metrics

    def score(self) -> BleuScore:
        """Return the score with all that it is made of. Raises ValueError where nothing was
        added."""
        if not self._hypotheses:
            raise ValueError("nothing was added: an empty set has no BLEU")
        compute = _by_sacrebleu if find_spec("sacrebleu") else own_bleu
        return compute(self._hypotheses, self._references, self.tokenize, self.lowercase)


def own_bleu(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], tokenize: str, lowercase: bool
) -> BleuScore:
    """Return what sacreBLEU computes, without it.

    An order without a match counts as half a match, the next one as a quarter, and so on.
    """

    def words(text: str) -> list[str]:
        return TOKENIZE[tokenize]((text.lower() if lowercase else text).rstrip())

    right, total, length, reference_length = [0] * ORDER, [0] * ORDER, 0, 0
    for hypothesis, known in zip(hypotheses, references, strict=True):
        said, others = words(hypothesis), [words(text) for text in known]
        length += len(said)
        reference_length += min((abs(len(said) - len(one)), len(one)) for one in others)[1]
        for n in range(ORDER):
            counts = _ngrams(said, n + 1)
            most: Counter[tuple[str, ...]] = Counter()
            for one in others:
                most |= _ngrams(one, n + 1)
            right[n] += (counts & most).total()
            total[n] += counts.total()
    brevity = _brevity(length, reference_length)
    precisions = _smoothed(right, total)
    score = 0.0
    if all(precisions):
        score = brevity * math.exp(sum(map(math.log, precisions)) / ORDER)
    signature = _signature(references, tokenize, lowercase)
    return BleuScore(score, precisions, brevity, length, reference_length, signature)


def _by_sacrebleu(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], tokenize: str, lowercase: bool
) -> BleuScore:
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(tokenize=tokenize, lowercase=lowercase)
    result = metric.corpus_score(
        list(hypotheses), [list(each) for each in zip_longest(*references)]
    )
    precisions = tuple(map(float, result.precisions))
    signature = str(metric.get_signature())
    return BleuScore(result.score, precisions, result.bp, result.sys_len, result.ref_len, signature)


def _brevity(length: int, reference_length: int) -> float:
    if not length:
        return 0.0
    return math.exp(min(0.0, 1 - reference_length / length))


def _smoothed(right: Sequence[int], total: Sequence[int]) -> tuple[float, ...]:
    if not any(right):
        return (0.0,) * ORDER
    precisions, share = [], 1.0
    for matches, number in zip(right, total, strict=True):
        if not matches:
            share /= 2
        precisions.append(100 * (matches or share) / number if number else 0.0)
    return tuple(precisions)


def _signature(references: Sequence[Sequence[str]], tokenize: str, lowercase: bool) -> str:
    numbers = {len(known) for known in references}
    count = str(numbers.pop()) if len(numbers) == 1 else "var"
    case = "lc" if lowercase else "mixed"
    return f"nrefs:{count}|case:{case}|eff:no|tok:{tokenize}|smooth:exp|version:own"


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def _13a(text: str) -> list[str]:
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    text = f" {text} "
    for pattern, apart in _PUNCTUATION:
        text = pattern.sub(apart, text)
    return text.split()


TOKENIZE: Mapping[str, Callable[[str], list[str]]] = {
    "13a": _13a,
    "char": lambda text: [character for character in text if not character.isspace()],
    "none": str.split,
}
