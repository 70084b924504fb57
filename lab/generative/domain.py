"""Measure samples by the features of the source they imitate, with reference_scores beside them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lab.compute.rng import derive_seed
from lab.data import splits
from lab.data.batches import Split
from lab.data.data import Data
from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError
from lab.generative import feature_net
from lab.generative.caching import cached
from lab.generative.fid import fid
from lab.generative.kid import kid
from lab.generative.neighbors import Memorization, memorization, nearest
from lab.generative.precision_recall import prdc
from lab.generative.principal_components import principal
from lab.generative.vectors import Array, Examples
from lab.storage.media import Table

if TYPE_CHECKING:
    from lab.engine.context import Context

VERSION = 1  # of the reference_scores
HALVES = 4  # random ones of the real examples, to average over
FEWEST, MOST, POOL = 6, 1_000, 10_000  # examples on a side, and to draw them from
TRAINING = 20_000  # examples that the network learns from at most
COMPONENTS, PER_COMPONENT, ROUNDS = 30, 40, 30  # of the mixture, fitted to so many examples:
FITTED, WHOLE, REDUCED = 2_000, 64, 32  # at most, and in fewer dimensions where there are many
FIGURES = ("fid", "kid", "precision", "recall", "density", "coverage")

Figures = dict[str, float]


class FeatureMetrics:
    """The features of a source, and what they say of samples.

    The network behind them learns from the training split, when it is first needed: some seconds,
    once for all runs in a runs folder. It is the same whatever the run, so figures of different
    runs compare, where the source and its split do. It draws nothing from the run's randomness,
    is no part of its state, and may be used in `evaluate`.

    Samples are as the source's inputs are: images uint8 or floats in [0, 1] (clipped there), tables
    and sequences in their own units.
    """

    def __init__(self, ctx: Context, data: Data) -> None:
        self._ctx, self._data = ctx, data
        self._real: dict[str, Tensor] = {}

    # -- features

    def features(self, samples: Examples) -> Tensor:
        """Return features [N, 64] on the CPU, of mean 0 and mean variance 1 on the training data.

        Raises ValueError for samples of another shape than the source's inputs.
        """
        return self._embed(self._prepared(samples))

    def logits(self, samples: Examples) -> Tensor:
        """Return what the network takes samples for [N, classes], on the CPU: whether a digit that
        was asked for can be read, say."""
        with self._computing():
            return feature_net.in_parts(self._network, self._prepared(samples)).cpu()

    @cached_property
    def digest(self) -> str:
        """The content address of the features."""
        return self._lesson.digest

    # -- figures

    def measure(self, samples: Examples, split: str = "eval") -> Figures:
        """Return fid, kid, precision, recall, density and coverage of samples, and beside each what
        other real examples get (`fid_real`, ...); for fid, training examples and a Gaussian mixture
        too (`fid_memorizer`, `fid_mixture`). `DISTRIBUTION_METRICS` declares them.

        The real examples are parted in halves, over and over: one half is what all are compared
        with, the other one is the yardstick. So there are as many examples on every side of every
        comparison: no more than half of the split, than there are samples, nor than 1000.
        Classes come even in a stratified split, so examples of other splits, and good samples, may
        get a little less than the floor.
        """
        features = self.features(samples)
        count = self._count(split, len(features))
        figures = self._against(split, count, features)
        beside = self.reference_scores(split, count)
        figures |= {f"{name}_real": beside["real"][name] for name in FIGURES}
        figures |= {f"fid_{row}": beside[row]["fid"] for row in ("memorizer", "mixture")}
        if split == "test":
            figures["n"] = float(count)
        return figures

    def reference_scores(self, split: str, count: int) -> dict[str, Figures]:
        """Return the figures of `real` examples (the floor), of a `memorizer` that hands out
        training examples, and of a `mixture` of Gaussians, for `count` samples each. They are
        computed once and kept for all runs."""
        count = self._count(split, count)
        rows = self._data.part(split).indices
        facts = json.dumps([VERSION, self.digest, split, count, HALVES]).encode()
        address = hashlib.blake2b(facts + rows.tobytes(), digest_size=16).hexdigest()
        path = self._ctx.cache(f"reference_scores/{address}.pt")
        return cached(path, lambda: self._yardsticks(split, count))

    def table(self, split: str, samples: Mapping[str, Examples]) -> Table:
        """Return the figures of each set of samples under the reference scores, for media. All are
        measured at the count of the smallest set."""
        features = {name: self.features(one) for name, one in samples.items()}
        count = self._count(split, min((len(one) for one in features.values()), default=MOST))
        lines = dict(self.reference_scores(split, count))
        lines |= {name: self._against(split, count, one) for name, one in features.items()}
        rows = [[name, count, *(line[key] for key in FIGURES)] for name, line in lines.items()]
        return Table(("samples", "n", *FIGURES), rows)

    # -- training examples

    def nearest(self, samples: Examples, count: int = 1) -> tuple[Tensor, Tensor, Tensor]:
        """Return the nearest training examples of each sample, by their prepared inputs: inputs
        [N, count, ...], rows of the training split and distances [N, count]."""
        rows, distances = nearest(self._prepared(samples), self._all_train, count)
        found = self._data.train.take(rows.flatten().to(self._ctx.device))["inputs"]
        return found.reshape(*rows.shape, *found.shape[1:]).cpu(), rows, distances

    def memorization(self, samples: Examples, split: str = "eval") -> Memorization:
        """Test whether samples are copies of training examples, by how near those are to the
        examples of `split`."""
        held_out = self._take(self._data.part(split), POOL)
        return memorization(self._prepared(samples), self._all_train, held_out)

    # -- the network

    @cached_property
    def _lesson(self) -> feature_net.TrainingSet:
        """What the network learns from: all of the training split, however few labels a run has."""
        data = self._data
        if data.dataset.kind not in feature_net.MEASURED:
            raise UsageError(f"{data.request.data}: there are no features of {data.dataset.kind}")
        rows = data.parts["train"]
        if data.request.labels_per_class is not None:
            request = data.request
            parts = splits.split(data.dataset, request.data, request.fold, request.split_seed)
            rows = parts["train"]
        info = DatasetInfo.of(data.request.data, data.dataset, rows)
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), TRAINING)).astype(int)]
        inputs = torch.from_numpy(np.ascontiguousarray(data.dataset.inputs[rows]))
        targets = data.dataset.targets if info.task in ("classify", "regress") else None
        return feature_net.TrainingSet(
            info, inputs, None if targets is None else torch.from_numpy(targets[rows])
        )

    @cached_property
    def _network(self) -> feature_net.FeatureNet:
        path = self._ctx.cache(f"features/{self.digest}.pt")
        state = cached(path, lambda: feature_net.train(self._lesson))
        return feature_net.load(self._lesson.info, state, self._ctx.device)

    def _computing(self) -> torch.autocast:
        return torch.autocast(self._ctx.device.type, enabled=False)

    def _prepared(self, samples: Examples) -> Tensor:
        """Return samples on the device as the network wants them."""
        info = self._lesson.info
        found = torch.as_tensor(samples).detach().to(self._ctx.device)
        if tuple(found.shape[1:]) != info.shape:
            raise ValueError(
                f"samples are {tuple(found.shape[1:])}, examples of {info.name} {info.shape}"
            )
        if info.kind == "image" and found.is_floating_point():
            found = found.float().clamp(0, 1)
        return info.prepare_inputs(found)

    @torch.no_grad()
    def _embed(self, prepared: Tensor) -> Tensor:
        with self._computing():
            return feature_net.in_parts(self._network.features, prepared).cpu()

    # -- the reference_scores

    def _real_features(self, split: str) -> Tensor:
        if split not in self._real:
            self._real[split] = self._embed(self._take(self._data.part(split), POOL))
        return self._real[split]

    @cached_property
    def _train(self) -> Tensor:
        """Some training inputs [N, ...] as the network wants them, on the CPU."""
        return self._take(self._data.train, POOL).cpu()

    def _all_train(self, size: int) -> Iterator[Tensor]:
        """Yield all of them in batches, on the device."""
        for batch in self._data.train.batches(size):
            yield self._lesson.info.prepare_inputs(batch["inputs"])

    def _take(self, split: Split, most: int) -> Tensor:
        """Return prepared inputs of evenly spaced examples of a split."""
        chosen = torch.linspace(0, len(split) - 1, min(len(split), most)).long()
        parts = [split.take(part.to(split.device))["inputs"] for part in torch.split(chosen, 1_024)]
        return torch.cat([self._lesson.info.prepare_inputs(part) for part in parts])

    def _count(self, split: str, samples: int) -> int:
        """Return how many examples are on each side."""
        count = min(samples, len(self._data.part(split)) // 2, MOST)
        if count < FEWEST:
            raise UsageError(
                f"{self._data.request.data}: {samples} samples and {len(self._data.part(split))} "
                f"examples to {split} are too few: {FEWEST} and {2 * FEWEST} are needed"
            )
        return count

    def _halves(self, split: str, count: int) -> list[tuple[Tensor, Tensor]]:
        """Return disjoint sets of features, `count` each, drawn in the same way for every run."""
        real = self._real_features(split)
        found = []
        for turn in range(HALVES):
            draw = torch.Generator().manual_seed(derive_seed(0, "halves", turn))
            order = torch.randperm(len(real), generator=draw)
            found.append((real[order[:count]], real[order[count : 2 * count]]))
        return found

    def _against(self, split: str, count: int, features: Tensor) -> Figures:
        """Return the figures of features against the first halves: other samples each time, as far
        as there are."""
        found = []
        for turn, (half, _) in enumerate(self._halves(split, count)):
            chosen = torch.arange(turn * count, (turn + 1) * count) % len(features)
            found.append(_compare(half, features[chosen]))
        return _mean(found)

    def _yardsticks(self, split: str, count: int) -> dict[str, Figures]:
        real = _mean([_compare(half, other) for half, other in self._halves(split, count)])
        draw = torch.Generator().manual_seed(derive_seed(0, "memorizer"))
        copies = self._train[torch.randperm(len(self._train), generator=draw)[: HALVES * count]]
        return {
            "real": real,
            "memorizer": self._against(split, count, self._embed(copies.to(self._ctx.device))),
            "mixture": self._against(split, count, self._mixture_features()),
        }

    def _mixture_features(self) -> Tensor:
        """Return features of samples of a mixture, the same for all splits and counts."""

        def compute() -> dict[str, Tensor]:
            drawn = _mixture(self._train, HALVES * MOST)
            if self._lesson.info.kind == "image":
                drawn = self._clipped(drawn)
            return {"features": self._embed(drawn.to(self._ctx.device))}

        path = self._ctx.cache(f"mixtures/{VERSION}-{self.digest}.pt")
        found: Tensor = cached(path, compute)["features"]
        return found

    def _clipped(self, prepared: Tensor) -> Tensor:
        """Return prepared images as if they had been between black and white."""
        info = self._lesson.info
        black, white = (info.prepare_inputs(torch.full((1, *info.shape), v)) for v in (0.0, 1.0))
        return prepared.clamp(black, white)


def _compare(real: Tensor, fake: Tensor) -> Figures:
    if not fake.isfinite().all():
        return dict.fromkeys((*FIGURES, "kid_std"), float("nan"))
    discrepancy = kid(real, fake)
    return {
        "fid": fid(real, fake),
        "kid": discrepancy.value,
        "kid_std": discrepancy.std,
        **prdc(real, fake),
    }


def _mean(found: Sequence[Figures]) -> Figures:
    return {name: sum(one[name] for one in found) / len(found) for name in found[0]}


def _mixture(train: Tensor, count: int) -> Tensor:
    """Return samples [count, ...] of a mixture of Gaussians that is fitted to the training data, in
    the space of their principal components where there are many dimensions."""
    from sklearn.mixture import GaussianMixture

    # scikit-learn brings it
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    chosen = torch.linspace(0, len(train) - 1, min(len(train), FITTED)).long()
    x = train[chosen].flatten(1)
    base = principal(x, REDUCED if x.shape[1] > WHOLE else WHOLE)
    codes = base.encode(x).numpy()
    components = max(1, min(COMPONENTS, len(codes) // PER_COMPONENT))
    model = GaussianMixture(components, reg_covar=1e-3, max_iter=ROUNDS, random_state=0)
    with warnings.catch_warnings(), threadpool_limits(1):  # its many small products would wait
        warnings.simplefilter("ignore")  # so many rounds are enough for a yardstick
        drawn: Array = model.fit(codes).sample(count)[0]
    drawn = np.random.default_rng(0).permutation(drawn)  # they come component by component
    return base.decode(drawn).float().reshape(count, *train.shape[1:])
