"""Players are built as the papers say, for data of any shape."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import lab
from lab_gan import networks
from lab_gan.augment import differentiable
from lab_gan.config import Config
from lab_gan.discriminator import concat_labels, pack_examples
from lab_gan.latent import LatentSpec
from lab_gan.preprocessing import decoded, encoded

CPU = torch.device("cpu")


def info(kind: str, shape: tuple[int, ...], classes: int = 3, words: int = 0) -> lab.DatasetInfo:
    names = tuple("abcdefghij"[:classes])
    width = 1 if kind == "tokens" else shape[0] if kind == "image" else shape[-1]
    result = lab.DatasetInfo(
        kind, kind, "classify", shape, names, classes, (0.0,) * width, (1.0,) * width
    )
    if kind != "tokens":
        return result
    from dataclasses import replace

    return replace(result, vocabulary=("", *(f"w{i}" for i in range(1, words))))


def players(config: Config, data: lab.DatasetInfo):
    codes = LatentSpec.of(config, data)
    return networks.generator(config, data, codes), networks.discriminator(config, data, codes)


SHAPES = {
    "points": ("table", (2,)),
    "rows": ("table", (13,)),
    "digits": ("image", (1, 8, 8)),
    "mnist": ("image", (1, 28, 28)),
    "odd": ("image", (3, 5, 7)),
    "tiny": ("image", (1, 2, 2)),
    "cifar": ("image", (3, 32, 32)),
    "waves": ("sequence", (9, 2)),
    "sentences": ("tokens", (7,)),
}


@pytest.mark.parametrize(("kind", "shape"), SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("conditional", ["none", "concat", "projection", "auxiliary"])
def test_samples_have_the_shape_of_the_data_and_can_be_judged(kind, shape, conditional) -> None:
    config = Config(conditional=conditional, hidden=(8,), width=4, latent_dim=5)
    data = info(kind, shape, words=6)
    generator, discriminator = players(config, data)
    codes = LatentSpec.of(config, data)
    labels = None if conditional == "none" else codes.label(torch.tensor([0, 1, 2, 0]))
    made = generator(codes.draw(4, labels, torch.Generator().manual_seed(0), CPU))
    assert made.shape == ((4, 7, 6) if kind == "tokens" else (4, *shape))
    outputs = discriminator(made, labels)
    assert outputs.score.shape == (4,)
    if conditional == "auxiliary":
        assert outputs.classes.shape == (4, 3)
    else:
        assert outputs.classes is None
    if kind == "image":
        assert made.abs().max() <= 1
    if kind == "tokens":
        assert torch.equal(made.sum(2), torch.ones(4, 7))
        assert set(made.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_images_may_be_made_by_layers_too(kind) -> None:
    generator, discriminator = players(
        Config(arch=kind, hidden=(8,), width=4), info("image", (1, 8, 8))
    )
    has = any(isinstance(m, nn.Conv2d | nn.ConvTranspose2d) for m in generator.modules())
    assert has == (kind == "cnn")
    assert not any(isinstance(m, nn.BatchNorm2d) for m in discriminator.modules())


def test_words_pass_gradients_through_to_what_was_said_before(generator) -> None:
    config = Config(width=4, latent_dim=5)
    speaker, _ = players(config, info("tokens", (7,), words=6))
    codes = torch.randn(2, 5, requires_grad=True)
    weights = torch.randn(6, generator=generator)
    (speaker(codes)[:, -1] @ weights).sum().backward()
    assert codes.grad is not None
    assert codes.grad.abs().sum() > 0


def test_a_sequence_goes_on_from_what_was_said_before() -> None:
    """Saying otherwise at every step by a constant changes the first step by just that, and the
    later ones by what they hear, too."""
    generator, _ = players(Config(width=6, latent_dim=5), info("sequence", (4, 2)))
    codes = torch.randn(3, 5)
    with torch.no_grad():
        before = generator(codes)
        generator.output.bias.add_(1.0)
        changed = generator(codes) - before
    assert torch.allclose(changed[:, 0], torch.ones(3, 2), atol=1e-6)
    assert (changed[:, 1:] - 1).abs().amax((0, 2)).min() > 1e-3


def test_a_projection_is_the_product_of_features_and_the_classs_embedding(generator) -> None:
    config = Config(conditional="projection", hidden=(8,))
    _, discriminator = players(config, info("table", (2,)))
    x, classes = torch.randn(5, 2, generator=generator), torch.tensor([0, 1, 2, 1, 0])
    labels = nn.functional.one_hot(classes, 3).float()
    features = discriminator.body(x)
    for row in range(5):
        own = discriminator.score.weight[0] + discriminator.embedding.weight[:, classes[row]]
        by_hand = features[row] @ own + discriminator.score.bias[0]
        assert discriminator(x, labels).score[row].item() == pytest.approx(by_hand.item(), abs=1e-5)


def test_a_semi_supervised_score_has_the_odds_of_salimans(generator) -> None:
    """D(x) = Z / (Z + 1), with Z the sum of the classes' exponentials."""
    _, discriminator = players(Config(n_labeled_per_class=5, hidden=(8,)), info("table", (2,)))
    outputs = discriminator(torch.randn(5, 2, generator=generator))
    total = outputs.classes.exp().sum(1)
    assert torch.allclose(outputs.score.sigmoid(), total / (total + 1), atol=1e-6)


def test_normalized_layers_have_slope_one() -> None:
    _, discriminator = players(Config(loss="hinge", hidden=(16, 16)), info("table", (2,)))
    discriminator.train()
    for _ in range(50):  # a power iteration with each pass
        discriminator(torch.randn(4, 2))
    for module in discriminator.modules():
        if isinstance(module, nn.Linear):
            top = torch.linalg.svdvals(module.weight)[0]
            assert float(top.detach()) == pytest.approx(1, abs=0.02)


def test_normalized_convolutions_have_slope_one_as_matrices() -> None:
    """Miyato et al. (2018), section 2.1: a filter bank [F, C, h, w] counts as [F, C h w]."""
    config = Config(loss="hinge", arch="cnn", width=4)
    discriminator = players(config, info("image", (1, 8, 8)))[1].train()
    for _ in range(100):
        discriminator(torch.randn(2, 1, 8, 8))
    filters = [module.weight for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    assert filters
    for weight in filters:
        top = torch.linalg.svdvals(weight.detach().flatten(1))[0]
        assert float(top) == pytest.approx(1, abs=0.02)


def test_a_slope_may_be_steeper_by_a_given_factor(generator) -> None:
    discriminators = []
    for lipschitz in (1.0, 10.0):
        torch.manual_seed(0)
        discriminators.append(
            players(Config(loss="hinge", lipschitz=lipschitz), info("table", (2,)))[1].eval()
        )
    x = torch.randn(4, 2, generator=generator)
    unit, steep = (discriminator(x).score for discriminator in discriminators)
    assert torch.allclose(10 * unit, steep, rtol=1e-4)


# -- packing and labels


def test_packs_hold_examples_side_by_side() -> None:
    points = torch.arange(8.0).view(4, 2)
    assert pack_examples(points, 2).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    images = torch.arange(16.0).view(4, 1, 2, 2)
    assert torch.equal(pack_examples(images, 2)[1, 1], images[3, 0])
    sequences = torch.arange(24.0).view(4, 3, 2)
    two = pack_examples(sequences, 2)
    assert two.shape == (2, 3, 4)
    assert two[1, 2].tolist() == [*sequences[2, 2].tolist(), *sequences[3, 2].tolist()]


def test_labels_stand_at_every_place() -> None:
    label = torch.tensor([[0.0, 1.0]])
    planes = concat_labels(torch.zeros(1, 1, 2, 2), label)[0]
    assert planes.sum((1, 2)).tolist() == [0, 0, 4]
    steps = concat_labels(torch.zeros(1, 3, 1), label)[0]
    assert steps.tolist() == [[0, 0, 1]] * 3
    assert concat_labels(torch.zeros(1, 2), label).tolist() == [[0, 0, 0, 1]]


# -- codes


def test_codes_are_noise_and_what_is_asked_for(generator) -> None:
    codes = LatentSpec(noise=5, classes=3, categories=4, continuous=2)
    labels = codes.label(torch.arange(3).repeat(1_000))
    rows = codes.draw(3_000, labels, generator, CPU)
    assert rows.shape == (3_000, codes.width) == (3_000, 14)
    assert rows[:, :5].mean().abs() < 0.05
    assert rows[:, :5].std() == pytest.approx(1, abs=0.05)
    meaning = codes.read(rows)
    assert torch.equal(meaning["labels"], labels)
    assert meaning["category"].sum(1).eq(1).all()
    counts = meaning["category"].sum(0)
    chi2 = ((counts - 750) ** 2 / 750).sum()
    assert chi2 < 16.3  # 99.9 % of a chi-square of three degrees
    assert meaning["numbers"].min() >= -1
    assert meaning["numbers"].max() <= 1
    assert meaning["numbers"].var() == pytest.approx(1 / 3, abs=0.02)


def test_what_is_not_asked_for_is_no_part_of_a_code(generator) -> None:
    plain = LatentSpec(noise=5, classes=0, categories=0, continuous=0)
    rows = plain.draw(4, None, generator, CPU)
    assert rows.shape == (4, 5)
    assert plain.read(rows) == {}
    assert set(LatentSpec(5, 0, 3, 0).read(torch.zeros(4, 8))) == {"category"}


# -- augmentation


@pytest.mark.parametrize("name", ["color", "translation", "cutout"])
def test_variations_let_gradients_through(name, generator) -> None:
    images = torch.rand(16, 3, 8, 8, generator=generator, requires_grad=True)
    varied = differentiable(images, (name,), generator)
    assert varied.shape == images.shape
    assert not torch.equal(varied, images)
    varied.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_cutouts_clear_half_of_each_side_at_most(generator) -> None:
    varied = differentiable(torch.ones(500, 1, 8, 8), ("cutout",), generator)
    cleared = (varied == 0).flatten(1).sum(1)
    assert cleared.max() == 16
    assert cleared.min() >= 4


def test_translations_move_by_an_eighth_at_most(generator) -> None:
    dot = torch.zeros(300, 1, 16, 16)
    dot[:, 0, 8, 8] = 1
    rows, columns = differentiable(dot, ("translation",), generator)[:, 0].nonzero()[:, 1:].T
    assert set(rows.tolist()) == set(columns.tolist()) == {6, 7, 8, 9, 10}


def test_without_a_policy_images_stay_as_they_are(generator) -> None:
    images = torch.rand(2, 1, 4, 4, generator=generator)
    assert differentiable(images, (), generator) is images


def test_colors_keep_their_place(generator) -> None:
    """Brightness, saturation and contrast are affine in each image: edges stay edges."""
    images = torch.zeros(50, 1, 2, 2)
    images[:, :, 0] = 1
    varied = differentiable(images, ("color",), generator)
    assert torch.allclose(varied[:, :, 0, 0], varied[:, :, 0, 1], atol=1e-6)
    assert math.isclose(float((varied[:, :, 0] - varied[:, :, 1]).mean()), 1, abs_tol=0.2)


# -- units


def test_images_are_judged_between_minus_one_and_one() -> None:
    """As tanh makes them; and back, in [0, 1]."""
    data = info("image", (1, 1, 3))
    pixels = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    seen = encoded(pixels, data)
    assert seen.flatten().tolist() == pytest.approx([-1, -0.6, 1])
    assert decoded(seen, data).flatten().tolist() == pytest.approx([0, 0.2, 1])
