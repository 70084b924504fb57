"""Measure what generates: distances between sets, modes, copies, bounds, codes, health, pictures.

    from lab.kit import generative

Names load what they need when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Bounds": "bounds",
    "DISTRIBUTION_METRICS": "names",
    "Domain": "domain",
    "HEALTH_METRICS": "names",
    "Health": "health_of_gan",
    "Memorisation": "neighbours",
    "Modes": "mixtures",
    "Principal": "principal_components",
    "TwoSample": "two_sample",
    "bounds_of": "bounds",
    "cached": "caching",
    "check_variety": "requests",
    "class_number": "requests",
    "code_map": "pictures",
    "diversity": "health_of_gan",
    "fid": "frechet",
    "filter_grid": "pictures",
    "frechet_distance": "frechet",
    "health": "health_of_gan",
    "indistinguishable": "two_sample",
    "interpolation_grid": "pictures",
    "kid": "kernel",
    "log_mean_exp": "bounds",
    "memorisation": "neighbours",
    "mixture_of": "mixtures",
    "mode_coverage": "mixtures",
    "nearest": "neighbours",
    "neighbour_grid": "pictures",
    "prdc": "manifolds",
    "principal": "principal_components",
    "probe": "probes",
    "restored": "scaling",
    "sample_grid": "pictures",
    "sample_table": "requests",
    "scaled": "scaling",
    "showable": "scaling",
    "traversal_grid": "pictures",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.kit.generative.bounds import Bounds as Bounds
    from lab.kit.generative.bounds import bounds_of as bounds_of
    from lab.kit.generative.bounds import log_mean_exp as log_mean_exp
    from lab.kit.generative.caching import cached as cached
    from lab.kit.generative.domain import Domain as Domain
    from lab.kit.generative.frechet import fid as fid
    from lab.kit.generative.frechet import frechet_distance as frechet_distance
    from lab.kit.generative.health_of_gan import Health as Health
    from lab.kit.generative.health_of_gan import diversity as diversity
    from lab.kit.generative.health_of_gan import health as health
    from lab.kit.generative.kernel import kid as kid
    from lab.kit.generative.manifolds import prdc as prdc
    from lab.kit.generative.mixtures import Modes as Modes
    from lab.kit.generative.mixtures import mixture_of as mixture_of
    from lab.kit.generative.mixtures import mode_coverage as mode_coverage
    from lab.kit.generative.names import DISTRIBUTION_METRICS as DISTRIBUTION_METRICS
    from lab.kit.generative.names import HEALTH_METRICS as HEALTH_METRICS
    from lab.kit.generative.neighbours import Memorisation as Memorisation
    from lab.kit.generative.neighbours import memorisation as memorisation
    from lab.kit.generative.neighbours import nearest as nearest
    from lab.kit.generative.pictures import code_map as code_map
    from lab.kit.generative.pictures import filter_grid as filter_grid
    from lab.kit.generative.pictures import interpolation_grid as interpolation_grid
    from lab.kit.generative.pictures import neighbour_grid as neighbour_grid
    from lab.kit.generative.pictures import sample_grid as sample_grid
    from lab.kit.generative.pictures import traversal_grid as traversal_grid
    from lab.kit.generative.principal_components import Principal as Principal
    from lab.kit.generative.principal_components import principal as principal
    from lab.kit.generative.probes import probe as probe
    from lab.kit.generative.requests import check_variety as check_variety
    from lab.kit.generative.requests import class_number as class_number
    from lab.kit.generative.requests import sample_table as sample_table
    from lab.kit.generative.scaling import restored as restored
    from lab.kit.generative.scaling import scaled as scaled
    from lab.kit.generative.scaling import showable as showable
    from lab.kit.generative.two_sample import TwoSample as TwoSample
    from lab.kit.generative.two_sample import indistinguishable as indistinguishable


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lab.kit.generative' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"lab.kit.generative.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
