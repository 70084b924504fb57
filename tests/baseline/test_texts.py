"""Baselines learn from texts as scikit-learn's own pipeline does."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import lab
from lab.errors import InputWarning
from lab.tokenizers.words import pieces

WORDS = ("fine", "poor", "the", "work", "again")


def examples() -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 6)) for _ in range(160)]
    labels = ["good" if text.count("fine") > text.count("poor") else "bad" for text in texts]
    return [f"{text} Number{n}" for n, text in enumerate(texts)], labels


def test_probabilities_are_those_of_tf_idf_and_logistic_regression(fit) -> None:
    texts, labels = examples()
    run = fit("logistic", data=(texts, labels), c=3.0)
    experiment = lab.load(run.dir, data=(texts, labels))
    rows = experiment.data.parts["train"]
    vectorizer = TfidfVectorizer(tokenizer=pieces, token_pattern=None, vocabulary=WORDS)
    pipeline = make_pipeline(vectorizer, LogisticRegression(C=3.0, max_iter=1_000))
    pipeline.fit([texts[row] for row in rows], [labels[row] for row in rows])
    new = ["Fine WORK again ok", "poor poor fine", "unknown"]
    with pytest.warns(InputWarning, match="25% of the words are unknown"):
        answers = experiment.predict(new)
    np.testing.assert_allclose(answers, pipeline.predict_proba(new), 1e-6)


@pytest.mark.parametrize("algo", ["knn", "svc", "forest", "boosting"])
def test_every_method_learns_from_texts(fit, algo) -> None:
    texts, labels = examples()
    run = fit(algo, data=(texts, labels))
    assert run.summary["test"]["test/accuracy"] > 0.6


@pytest.mark.parametrize("algo", ["knn", "ridge", "svr", "forest", "boosting"])
def test_values_of_texts_are_learned(fit, algo) -> None:
    texts, _ = examples()
    values = [float(text.count("fine")) for text in texts]
    run = fit(algo, data=(texts, values))
    assert run.summary["test"]["test/r2"] > 0.1
