"""BLEU against counts by hand, figures that sacreBLEU publishes, and sacreBLEU where it is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.metrics import Bleu
from lab.metrics.bleu import own_bleu

# the example of sacreBLEU's README
HYPOTHESES = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = [
    ["The dog bit the man.", "The dog had bit the man."],
    ["It was not unexpected.", "No one was surprised."],
    ["The man bit him first.", "The man had bitten the dog."],
]


@pytest.mark.parametrize(("tokenize", "published"), [("13a", 48.530827), ("none", 49.1919566)])
def test_the_score_is_the_published_one(tokenize, published) -> None:
    meter = Bleu(tokenize)
    for hypothesis, known in zip(HYPOTHESES, REFERENCES, strict=True):
        meter.add([hypothesis], [known])
    assert meter.compute("test") == {"bleu": pytest.approx(published, abs=1e-6), "n": 3}
    own = own_bleu(HYPOTHESES, REFERENCES, tokenize, False)
    assert own.score == pytest.approx(published, abs=1e-6)


def test_a_score_by_hand() -> None:
    """Said: the the cat sat on mat. Right: the cat sat on the mat. Shared are 6 of 6 words, 3 of 5
    pairs (the cat, cat sat, sat on), 2 of 4 triples and 1 of 3 runs of four."""
    found = own_bleu(["the the cat sat on mat"], [["the cat sat on the mat"]], "none", False)
    assert found.precisions == pytest.approx((100, 60, 50, 100 / 3))
    assert found.brevity_penalty == 1
    assert found.score == pytest.approx(100 * (1 * 0.6 * 0.5 / 3) ** (1 / 4))


def test_words_count_as_often_as_in_a_reference() -> None:
    """Papineni et al. (2002), section 2.1: "the the the the the the the" has 2 of 7."""
    known = ["The cat is on the mat.", "There is a cat on the mat."]
    found = own_bleu(["the " * 7], [known], "13a", True)
    assert found.precisions[0] == pytest.approx(100 * 2 / 7)


def test_short_texts_are_penalized_by_the_closest_reference() -> None:
    """Of references as close as one another, the shorter."""
    found = own_bleu(["a b c d"], [["a b c d e f", "a b"]], "none", False)
    assert (found.reference_length, found.brevity_penalty) == (2, 1)
    found = own_bleu(["a b c d"], [["a b c d e", "a"]], "none", False)
    assert found.brevity_penalty == pytest.approx(math.exp(1 - 5 / 4))


def test_orders_without_a_match_count_as_a_half_and_a_quarter() -> None:
    found = own_bleu(["a b x c d"], [["a b y c d"]], "none", False)
    assert found.precisions == pytest.approx((80, 50, 100 / 2 / 3, 100 / 4 / 2))


def test_nothing_shared_or_too_few_words_score_0() -> None:
    assert own_bleu(["x y z u"], [["a b c d"]], "none", False).score == 0
    assert own_bleu(["a b c"], [["a b c"]], "none", False).score == 0
    assert own_bleu([""], [["a b c"]], "none", False).score == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", "Hello , world !"),
        ("It costs 3.50, not 1,000.", "It costs 3.50 , not 1,000 ."),
        ("a &quot;b&quot; &amp; c", 'a " b " & c'),
        ("1990-2000 well-known", "1990 - 2000 well-known"),
        ("exam-\nple\nnext", "example next"),
        ("(x/y)", "( x / y )"),
    ],
)
def test_13a_parts_words_as_mteval_does(text, words) -> None:
    parted = own_bleu([text], [[text]], "13a", False)
    assert parted.length == len(words.split())
    same = own_bleu([text], [[words]], "13a", False)
    assert same.length == same.reference_length
    assert same.precisions[0] == 100


def test_chinese_is_scored_by_characters() -> None:
    found = own_bleu(["狗咬了那个人"], [["狗 咬了 这个人"]], "char", False)
    assert found.precisions == pytest.approx((100 * 5 / 6, 100 * 3 / 5, 100 / 4, 100 / 2 / 3))


def test_a_score_prints_with_its_signature() -> None:
    text = str(own_bleu(HYPOTHESES, REFERENCES, "13a", False))
    assert text.startswith("BLEU|nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:own = 48.53 ")
    uneven = own_bleu(["a", "a"], [["a"], ["a", "b"]], "none", True)
    assert uneven.signature == "nrefs:var|case:lc|eff:no|tok:none|smooth:exp|version:own"


sentence = st.lists(
    st.sampled_from(["the", "The", "dog", "dog's", "3.5", "1,000", ",", "a-b", "狗", "&amp;"]),
    max_size=8,
).map(" ".join)


@given(
    pairs=st.lists(
        st.tuples(sentence, st.lists(sentence.filter(bool), min_size=1, max_size=3)),
        min_size=1, max_size=4,
    ),
    tokenize=st.sampled_from(["13a", "char", "none"]),
    lowercase=st.booleans(),
)  # fmt: skip
def test_it_is_sacrebleus(pairs, tokenize, lowercase) -> None:
    pytest.importorskip("sacrebleu")
    hypotheses, references = map(list, zip(*pairs, strict=True))
    meter = Bleu(tokenize, lowercase)
    meter.add(hypotheses, references)
    theirs, own = meter.score(), own_bleu(hypotheses, references, tokenize, lowercase)
    assert own.score == pytest.approx(theirs.score, abs=1e-9)
    assert own.precisions == pytest.approx(theirs.precisions)
    assert own[2:5] == pytest.approx(theirs[2:5])
    assert own.signature.split("|")[:-1] == theirs.signature.split("|")[:-1]


@pytest.mark.parametrize("references", [[[]], [[""]], ["a text"]])
def test_references_that_are_none_are_refused(references) -> None:
    with pytest.raises(ValueError, match="a list of references"):
        Bleu().add(["a"], references)


def test_other_mistakes_are_refused() -> None:
    with pytest.raises(ValueError, match="13a, char, none"):
        Bleu("words")
    with pytest.raises(ValueError, match="nothing was added"):
        Bleu().compute()
