"""Measure what generates: distances of sets, modes, copies, codes, pictures.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "DISTRIBUTION_METRICS": "lab.generative.metric_declarations",
    "FeatureMetrics": "lab.generative.domain",
    "Memorization": "lab.generative.neighbors",
    "Modes": "lab.generative.mixtures",
    "Principal": "lab.generative.principal_components",
    "TwoSample": "lab.generative.two_sample",
    "cached": "lab.generative.caching",
    "check_variety": "lab.generative.validation",
    "class_number": "lab.generative.validation",
    "code_map": "lab.generative.pictures",
    "fid": "lab.generative.frechet",
    "filter_grid": "lab.generative.pictures",
    "frechet_distance": "lab.generative.frechet",
    "indistinguishable": "lab.generative.two_sample",
    "interpolation_grid": "lab.generative.pictures",
    "kid": "lab.generative.kernel",
    "memorization": "lab.generative.neighbors",
    "mixture_of": "lab.generative.mixtures",
    "mode_coverage": "lab.generative.mixtures",
    "nearest": "lab.generative.neighbors",
    "neighbor_grid": "lab.generative.pictures",
    "prdc": "lab.generative.precision_recall",
    "principal": "lab.generative.principal_components",
    "probe": "lab.generative.probes",
    "restored": "lab.generative.scaling",
    "sample_grid": "lab.generative.pictures",
    "sample_table": "lab.generative.validation",
    "scaled": "lab.generative.scaling",
    "showable": "lab.generative.scaling",
    "traversal_grid": "lab.generative.pictures",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.generative.caching import cached as cached
    from lab.generative.domain import FeatureMetrics as FeatureMetrics
    from lab.generative.frechet import fid as fid
    from lab.generative.frechet import frechet_distance as frechet_distance
    from lab.generative.kernel import kid as kid
    from lab.generative.metric_declarations import DISTRIBUTION_METRICS as DISTRIBUTION_METRICS
    from lab.generative.mixtures import Modes as Modes
    from lab.generative.mixtures import mixture_of as mixture_of
    from lab.generative.mixtures import mode_coverage as mode_coverage
    from lab.generative.neighbors import Memorization as Memorization
    from lab.generative.neighbors import memorization as memorization
    from lab.generative.neighbors import nearest as nearest
    from lab.generative.pictures import code_map as code_map
    from lab.generative.pictures import filter_grid as filter_grid
    from lab.generative.pictures import interpolation_grid as interpolation_grid
    from lab.generative.pictures import neighbor_grid as neighbor_grid
    from lab.generative.pictures import sample_grid as sample_grid
    from lab.generative.pictures import traversal_grid as traversal_grid
    from lab.generative.precision_recall import prdc as prdc
    from lab.generative.principal_components import Principal as Principal
    from lab.generative.principal_components import principal as principal
    from lab.generative.probes import probe as probe
    from lab.generative.scaling import restored as restored
    from lab.generative.scaling import scaled as scaled
    from lab.generative.scaling import showable as showable
    from lab.generative.two_sample import TwoSample as TwoSample
    from lab.generative.two_sample import indistinguishable as indistinguishable
    from lab.generative.validation import check_variety as check_variety
    from lab.generative.validation import class_number as class_number
    from lab.generative.validation import sample_table as sample_table

__getattr__, __dir__ = attach(__name__, _HOME)
