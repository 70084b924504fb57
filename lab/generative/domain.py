"""Measure samples by the features of the source they imitate, next to reference scores."""

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
from lab.generative.frechet import fid
from lab.generative.kernel import kid
from lab.generative.neighbors import Memorization, memorization, nearest
from lab.generative.precision_recall import prdc
from lab.generative.principal_components import principal
from lab.generative.validation import comparable
from lab.generative.vectors import Array, Examples
from lab.storage.media import Table

if TYPE_CHECKING:
    from lab.engine.context import Context

VERSION = 1  # of the reference scores
SPLITS = 4  # random splits of the real examples in two halves, to average over
MOST, POOL = 1_000, 10_000  # examples per set, and to draw them from
TRAINING = 20_000  # examples that the network learns from at most
COMPONENTS, PER_COMPONENT, ROUNDS = 30, 40, 30  # of the mixture, examples for each, EM steps
FITTED_EXAMPLES = 2_000  # that the mixture is fitted to at most
FULL_DIMENSIONS, REDUCED_DIMENSIONS = 64, 32  # above so many, it is fitted in fewer
METRICS = ("fid", "kid", "precision", "recall", "density", "coverage")

Metrics = dict[str, float]


class FeatureMetrics:
    """Features of a source, and metrics of samples computed from them.

    The feature network is trained on the training split when it is first needed: some seconds,
    once for all runs in a runs folder. It is the same for every run, so metrics of different runs
    are comparable where their source and split are. It uses none of the run's random generators,
    is no part of its state, and may be used in `evaluate`.

    Samples are as the source's inputs are: images uint8 or floats in [0, 1] (clipped there), tables
    and sequences in their own units.
    """

    def __init__(self, ctx: Context, data: Data) -> None:
        self._ctx, self._data = ctx, data
        self._real: dict[str, Tensor] = {}

    @property
    def info(self) -> DatasetInfo:
        return self._data.info

    # -- features

    def features(self, samples: Examples) -> Tensor:
        """Return features [N, 64] on the CPU, of mean 0 and mean variance 1 on the training data.

        Raises ValueError for samples of another shape than the source's inputs.
        """
        return self._embed(self._prepared(samples))

    def logits(self, samples: Examples) -> Tensor:
        """Return the network's logits of samples [N, classes], on the CPU: whether the class that a
        sample was conditioned on is recognized, say."""
        with self._computing():
            return feature_net.in_parts(self._network, self._prepared(samples)).cpu()

    @cached_property
    def digest(self) -> str:
        """The content address of the features."""
        return self._training_set.digest

    # -- metrics

    def measure(self, samples: Examples, split: str = "eval") -> Metrics:
        """Return fid, kid, precision, recall, density and coverage of samples, each with the score
        of held-out real examples (`fid_real`, ...); for fid, of training examples and of a Gaussian
        mixture too (`fid_memorizer`, `fid_mixture`). `DISTRIBUTION_METRICS` declares them.

        The real examples are split randomly in two halves, several times: samples are compared
        with the first, the second gives the reference score. So all sets of every comparison are
        of one size: at most half of the split, the number of samples, and 1000.
        Classes are balanced in a stratified split, so examples of other splits, and good samples,
        may score a little below the floor.
        """
        features = self.features(samples)
        count = self._count(split, len(features))
        metrics = self._against(split, count, features)
        references = self.reference_scores(split, count)
        metrics |= {f"{name}_real": references["real"][name] for name in METRICS}
        metrics |= {f"fid_{row}": references[row]["fid"] for row in ("memorizer", "mixture")}
        if split == "test":
            metrics["n"] = float(count)
        return metrics

    def reference_scores(self, split: str, count: int) -> dict[str, Metrics]:
        """Return the metrics of `real` examples (the floor), of a `memorizer` that returns training
        examples, and of a `mixture` of Gaussians, for `count` samples each. They are computed once
        and cached for all runs."""
        count = self._count(split, count)
        rows = self._data.part(split).indices
        facts = json.dumps([VERSION, self.digest, split, count, SPLITS]).encode()
        address = hashlib.blake2b(facts + rows.tobytes(), digest_size=16).hexdigest()
        path = self._ctx.cache(f"reference_scores/{address}.pt")
        return cached(path, lambda: self._compute_reference_scores(split, count))

    def table(self, split: str, samples: Mapping[str, Examples]) -> Table:
        """Return the metrics of each set of samples below the reference scores, for media. All are
        measured at the count of the smallest set."""
        embedded = {name: self.features(examples) for name, examples in samples.items()}
        smallest = min((len(features) for features in embedded.values()), default=MOST)
        count = self._count(split, smallest)
        scores = dict(self.reference_scores(split, count))
        scores |= {name: self._against(split, count, x) for name, x in embedded.items()}
        rows = [[name, count, *(score[key] for key in METRICS)] for name, score in scores.items()]
        return Table(("samples", "n", *METRICS), rows)

    # -- training examples

    def nearest(self, samples: Examples, count: int = 1) -> tuple[Tensor, Tensor, Tensor]:
        """Return the nearest training examples of each sample, by their prepared inputs: inputs
        [N, count, ...], rows of the training split and distances [N, count]."""
        rows, distances = nearest(self._prepared(samples), self._all_train, count)
        inputs = self._data.train.take(rows.flatten().to(self._ctx.device))["inputs"]
        return inputs.reshape(*rows.shape, *inputs.shape[1:]).cpu(), rows, distances

    def memorization(self, samples: Examples, split: str = "eval") -> Memorization:
        """Test whether samples are copies of training examples, by how near those are to the
        examples of `split`."""
        held_out = self._take(self._data.part(split), POOL)
        return memorization(self._prepared(samples), self._all_train, held_out)

    # -- the network

    @cached_property
    def _training_set(self) -> feature_net.TrainingSet:
        """All examples of the training split, however few labels a run has."""
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
        state = cached(path, lambda: feature_net.train(self._training_set))
        return feature_net.load(self._training_set.info, state, self._ctx.device)

    def _computing(self) -> torch.autocast:
        return torch.autocast(self._ctx.device.type, enabled=False)

    def _prepared(self, samples: Examples) -> Tensor:
        """Return samples [N, ...] on the device, prepared as the network's inputs."""
        info = self._training_set.info
        inputs = torch.as_tensor(samples).detach().to(self._ctx.device)
        if tuple(inputs.shape[1:]) != info.source_shape:
            raise ValueError(
                f"samples are {tuple(inputs.shape[1:])}, examples of {info.name} "
                f"{info.source_shape}"
            )
        if info.kind == "image" and inputs.is_floating_point():
            inputs = inputs.float().clamp(0, 1)
        return info.prepare_inputs(inputs)

    @torch.no_grad()
    def _embed(self, prepared: Tensor) -> Tensor:
        with self._computing():
            return feature_net.in_parts(self._network.features, prepared).cpu()

    # -- the reference scores

    def _real_features(self, split: str) -> Tensor:
        if split not in self._real:
            self._real[split] = self._embed(self._take(self._data.part(split), POOL))
        return self._real[split]

    @cached_property
    def _train(self) -> Tensor:
        """Prepared inputs [N, ...] of some training examples, on the CPU."""
        return self._take(self._data.train, POOL).cpu()

    def _all_train(self, size: int) -> Iterator[Tensor]:
        """Yield all of them in batches, on the device."""
        for batch in self._data.train.batches(size):
            yield self._training_set.info.prepare_inputs(batch["inputs"])

    def _take(self, split: Split, most: int) -> Tensor:
        """Return prepared inputs of evenly spaced examples of a split."""
        chosen = torch.linspace(0, len(split) - 1, min(len(split), most)).long()
        parts = [split.take(part.to(split.device))["inputs"] for part in torch.split(chosen, 1_024)]
        return torch.cat([self._training_set.info.prepare_inputs(part) for part in parts])

    def _count(self, split: str, samples: int) -> int:
        """Return how many examples each compared set has."""
        return min(comparable(self._data, split, samples), MOST)

    def _halves(self, split: str, count: int) -> list[tuple[Tensor, Tensor]]:
        """Return disjoint sets of features, `count` each, drawn in the same way for every run."""
        real = self._real_features(split)
        halves = []
        for turn in range(SPLITS):
            generator = torch.Generator().manual_seed(derive_seed(0, "halves", turn))
            order = torch.randperm(len(real), generator=generator)
            halves.append((real[order[:count]], real[order[count : 2 * count]]))
        return halves

    def _against(self, split: str, count: int, features: Tensor) -> Metrics:
        """Return the mean metrics of features against the first halves: of other samples for each,
        where there are enough."""
        metrics = []
        for turn, (half, _) in enumerate(self._halves(split, count)):
            chosen = torch.arange(turn * count, (turn + 1) * count) % len(features)
            metrics.append(_compare(half, features[chosen]))
        return _mean(metrics)

    def _compute_reference_scores(self, split: str, count: int) -> dict[str, Metrics]:
        real = _mean([_compare(first, second) for first, second in self._halves(split, count)])
        generator = torch.Generator().manual_seed(derive_seed(0, "memorizer"))
        copies = self._train[
            torch.randperm(len(self._train), generator=generator)[: SPLITS * count]
        ]
        return {
            "real": real,
            "memorizer": self._against(split, count, self._embed(copies.to(self._ctx.device))),
            "mixture": self._against(split, count, self._mixture_features()),
        }

    def _mixture_features(self) -> Tensor:
        """Return features of samples of a mixture, the same for all splits and counts."""

        def compute() -> dict[str, Tensor]:
            drawn = _mixture(self._train, SPLITS * MOST)
            if self._training_set.info.kind == "image":
                drawn = self._clipped(drawn)
            return {"features": self._embed(drawn.to(self._ctx.device))}

        path = self._ctx.cache(f"mixtures/{VERSION}-{self.digest}.pt")
        features: Tensor = cached(path, compute)["features"]
        return features

    def _clipped(self, prepared: Tensor) -> Tensor:
        """Return prepared images as if they had been between black and white."""
        info = self._training_set.info
        black, white = (info.prepare_inputs(torch.full((1, *info.shape), v)) for v in (0.0, 1.0))
        return prepared.clamp(black, white)


def _compare(real: Tensor, fake: Tensor) -> Metrics:
    if not fake.isfinite().all():
        return dict.fromkeys((*METRICS, "kid_std"), float("nan"))
    discrepancy = kid(real, fake)
    return {
        "fid": fid(real, fake),
        "kid": discrepancy.value,
        "kid_std": discrepancy.std,
        **prdc(real, fake),
    }


def _mean(rows: Sequence[Metrics]) -> Metrics:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _mixture(train: Tensor, count: int) -> Tensor:
    """Return samples [count, ...] of a mixture of Gaussians that is fitted to the training data, in
    the space of their principal components where there are many dimensions."""
    from sklearn.mixture import GaussianMixture

    # scikit-learn brings it
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    chosen = torch.linspace(0, len(train) - 1, min(len(train), FITTED_EXAMPLES)).long()
    x = train[chosen].flatten(1)
    base = principal(x, REDUCED_DIMENSIONS if x.shape[1] > FULL_DIMENSIONS else FULL_DIMENSIONS)
    codes = base.encode(x).numpy()
    components = max(1, min(COMPONENTS, len(codes) // PER_COMPONENT))
    model = GaussianMixture(components, reg_covar=1e-3, max_iter=ROUNDS, random_state=0)
    with warnings.catch_warnings(), threadpool_limits(1):  # threads slow its small products down
        warnings.simplefilter("ignore")  # so many are enough for a reference score
        drawn: Array = model.fit(codes).sample(count)[0]
    drawn = np.random.default_rng(0).permutation(drawn)  # they come component by component
    return base.decode(drawn).float().reshape(count, *train.shape[1:])
