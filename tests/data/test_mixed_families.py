"""Every family that learns from tables learns from one with categories, dates and gaps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lab

OPTIONS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": (8,)},
    "baseline": {"algo": "logistic"},
    "ae": {"hidden": (8,), "latent_dim": 2},
    "gan": {"hidden": (8,), "eval_samples": 20},
    "diffusion": {"hidden": (8,), "eval_samples": 20, "steps": 3},
    "dbn": {"layers": (4,)},
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    n = 200
    age, city = rng.integers(18, 80, n).astype(float), rng.choice(["Paris", "Rome"], n)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "city": city,
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D"),
            "member": rng.choice([True, False], n),
            "bought": np.where((age > 45) ^ (city == "Rome"), "yes", "no"),
        }
    )
    path = tmp_path_factory.mktemp("table") / "people.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("family", OPTIONS)
def test_it_trains_and_answers(family, table, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run: dict[str, Any] = {"budget": 640, "media": False, "track": False, "threads": 1}
    if family == "baseline":
        del run["budget"]
    result = lab.run(family, data=f"csv:{table}", **run, **OPTIONS[family])
    assert result.state == "finished"
    loaded = lab.load(result.dir)
    rows = pd.DataFrame(
        {"age": [30, None], "city": ["Oslo", "Rome"], "day": ["2020-02-01", "2020-02-02"],
         "member": [True, False]}
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        answers = loaded.predict(rows)
    assert len(answers) == 2
    assert np.isfinite(answers).all()
    assert any("1 of 2 values of city" in str(w.message) for w in told)
    if family in ("gan", "diffusion", "dbn"):
        samples = lab.sample(result.dir, n=3)
        assert samples.shape == (3, 4)
        assert set(samples[:, 1]) <= {0.0, 1.0}
