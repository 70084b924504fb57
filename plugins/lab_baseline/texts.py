"""Make numbers of texts: how often each word comes, weighed by how rare it is (tf-idf)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lab.data.dataset_info import DatasetInfo
from lab.data.tokens import END
from lab.tokenizers.protocol import OFFSET

Array = np.ndarray[Any, np.dtype[Any]]


def tf_idf(estimator: Any, info: DatasetInfo) -> Pipeline:
    """Return an estimator that takes tokens [N, T], as scikit-learn's TfidfVectorizer gives them
    to it."""
    counts = partial(count_words, words=len(info.vocabulary), first=first_word(info))
    steps = [FunctionTransformer(counts), TfidfTransformer()]
    if isinstance(estimator, (HistGradientBoostingClassifier, MultiOutputRegressor)):
        steps.append(FunctionTransformer(sparse.csr_array.toarray))  # they take nothing sparse
    return make_pipeline(*steps, estimator)


def first_word(info: DatasetInfo) -> int:
    """Return the first token that is a word: the unknown one of texts is none."""
    return OFFSET if info.text is not None else END + 1


def count_words(tokens: Array, words: int, first: int) -> Any:
    """Return how often each word is in tokens [N, T]: a sparse array [N, words - first]."""
    rows, steps = np.nonzero(tokens >= first)
    columns = tokens[rows, steps] - first
    places = (rows.astype(np.int32), columns.astype(np.int32))  # SVC takes no wider ones
    return sparse.csr_array((np.ones(len(rows)), places), (len(tokens), words - first))


def last(estimator: Any) -> Any:
    """Return the estimator itself, without what makes numbers of texts."""
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator
