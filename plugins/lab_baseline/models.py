"""Make scikit-learn's estimators, and compute their logits or values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR

from lab.data.dataset_info import DatasetInfo
from lab_baseline.config import Config
from lab_baseline.texts import last, tf_idf

Array = np.ndarray[Any, np.dtype[Any]]

RAREST = float(np.finfo(np.float32).eps)  # a probability below this counts as this


def make(config: Config, info: DatasetInfo, seed: int) -> Any:
    """Return an estimator that is not fitted yet, of texts behind tf-idf. `seed` fixes its
    randomness."""
    estimator = MAKERS[info.task][config.algo](config, seed)
    return tf_idf(estimator, info) if info.kind == "tokens" else estimator


def logits(estimator: Any, inputs: Array) -> Array:
    """Return log-probabilities [B, K], which no class has below log RAREST: where none of five
    neighbors is of a class, that class is not impossible. Of an SVC, which has no probabilities,
    the decision values: one class against the rest."""
    if not isinstance(last(estimator), SVC):
        probabilities = estimator.predict_proba(inputs)
        return np.asarray(np.log(np.maximum(probabilities, RAREST)))
    scores = np.asarray(estimator.decision_function(inputs))
    return scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1)


def values(estimator: Any, inputs: Array) -> Array:
    """Return predicted values [B, D]."""
    return np.asarray(estimator.predict(inputs)).reshape(len(inputs), -1)


def _support(config: Config) -> dict[str, Any]:
    gamma = "scale" if config.gamma is None else config.gamma
    return {"C": config.c, "kernel": config.kernel, "gamma": gamma}


def _neighbors(config: Config) -> dict[str, Any]:
    return {"n_neighbors": config.neighbors, "weights": config.weights}


def _forest(config: Config, seed: int) -> dict[str, Any]:
    return {"n_estimators": config.trees, "max_depth": config.depth, "random_state": seed}


def _boosting(config: Config, seed: int) -> dict[str, Any]:
    return {"max_iter": config.trees, "max_depth": config.depth, "random_state": seed}


Maker = Callable[[Config, int], Any]
CLASSIFIERS: Mapping[str, Maker] = {
    "knn": lambda config, seed: KNeighborsClassifier(**_neighbors(config)),
    # ties among the pairwise votes are broken by the decision values, as argmax does
    "svc": lambda config, seed: SVC(**_support(config), break_ties=True),
    "logistic": lambda config, seed: LogisticRegression(C=config.c, max_iter=config.iterations),
    "forest": lambda config, seed: RandomForestClassifier(**_forest(config, seed)),
    "boosting": lambda config, seed: HistGradientBoostingClassifier(**_boosting(config, seed)),
}
REGRESSORS: Mapping[str, Maker] = {
    "knn": lambda config, seed: KNeighborsRegressor(**_neighbors(config)),
    "ridge": lambda config, seed: Ridge(alpha=config.alpha),
    "svr": lambda config, seed: MultiOutputRegressor(
        SVR(**_support(config), epsilon=config.epsilon)
    ),
    "forest": lambda config, seed: RandomForestRegressor(**_forest(config, seed)),
    "boosting": lambda config, seed: MultiOutputRegressor(
        HistGradientBoostingRegressor(**_boosting(config, seed))
    ),
}
MAKERS: Mapping[str, Mapping[str, Maker]] = {"classify": CLASSIFIERS, "regress": REGRESSORS}
