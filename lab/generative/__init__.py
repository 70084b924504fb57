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
    "SAMPLE_METRICS": "lab.generative.metric_declarations",
    "TwoSample": "lab.generative.two_sample",
    "cached": "lab.generative.caching",
    "centered": "lab.generative.scaling",
    "check_size": "lab.generative.validation",
    "check_variety": "lab.generative.validation",
    "class_number": "lab.generative.validation",
    "code_map": "lab.generative.pictures",
    "diversity": "lab.generative.samples",
    "fid": "lab.generative.frechet",
    "filter_grid": "lab.generative.pictures",
    "frechet_distance": "lab.generative.frechet",
    "indistinguishable": "lab.generative.two_sample",
    "interpolation_grid": "lab.generative.pictures",
    "kid": "lab.generative.kernel",
    "measure_samples": "lab.generative.samples",
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
    "show_samples": "lab.generative.shown",
    "showable": "lab.generative.scaling",
    "spaced": "lab.generative.samples",
    "traversal_grid": "lab.generative.pictures",
    "uncentered": "lab.generative.scaling",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.generative.caching import cached as cached
    from lab.generative.domain import FeatureMetrics as FeatureMetrics
    from lab.generative.frechet import fid as fid
    from lab.generative.frechet import frechet_distance as frechet_distance
    from lab.generative.kernel import kid as kid
    from lab.generative.metric_declarations import DISTRIBUTION_METRICS as DISTRIBUTION_METRICS
    from lab.generative.metric_declarations import SAMPLE_METRICS as SAMPLE_METRICS
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
    from lab.generative.samples import diversity as diversity
    from lab.generative.samples import measure_samples as measure_samples
    from lab.generative.samples import spaced as spaced
    from lab.generative.scaling import centered as centered
    from lab.generative.scaling import restored as restored
    from lab.generative.scaling import scaled as scaled
    from lab.generative.scaling import showable as showable
    from lab.generative.scaling import uncentered as uncentered
    from lab.generative.shown import show_samples as show_samples
    from lab.generative.two_sample import TwoSample as TwoSample
    from lab.generative.two_sample import indistinguishable as indistinguishable
    from lab.generative.validation import check_size as check_size
    from lab.generative.validation import check_variety as check_variety
    from lab.generative.validation import class_number as class_number
    from lab.generative.validation import sample_table as sample_table

__getattr__, __dir__ = attach(__name__, _HOME)
