"""What is drawn from a seed is what its factors say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lab.data.splits import split
from lab_sources import sdf
from lab_sources.clips import MOTIONS, SPEED

SEEDED = {
    "shapes": {"n": 60}, "moving-shapes": {"n": 12, "frames": 4}, "affine-digits": {},
    "overlapping-digits": {"n": 450}, "spirals": {"n": 60}, "xor": {"n": 60}, "ring": {"n": 60},
    "grid": {"n": 60}, "waves": {"n": 60}, "sentences": {"n": 60},
}  # fmt: skip


@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_decides_everything(ask, name) -> None:
    first, same = ask(name, seed=1, **SEEDED[name]), ask(name, seed=1, **SEEDED[name])
    another = ask(name, seed=2, **SEEDED[name])
    np.testing.assert_array_equal(first.inputs, same.inputs)
    np.testing.assert_array_equal(first.targets, same.targets)
    assert (first.inputs != another.inputs).any()


@pytest.mark.parametrize("figure", sdf.FIGURES)
def test_every_figure_covers_the_area_that_its_size_says(figure) -> None:
    kind = np.array([list(sdf.FIGURES).index(figure)])
    middle = np.array([[150.0, 150.0]])
    for angle in (0.0, 0.7):
        covered = sdf.draw(kind, sdf.pixels(300), middle, np.array([100.0]),
                                np.array([angle]))  # fmt: skip
        assert covered.sum() / 100**2 == pytest.approx(1, abs=2e-3)
        ys, xs = np.nonzero(covered[0] > 0.5)
        assert np.hypot(xs.mean() + 0.5 - 150, ys.mean() + 0.5 - 150) < 1  # in its place


def test_edges_are_one_pixel_wide() -> None:
    covered = sdf.draw(np.array([0]), sdf.pixels(32), np.array([[16.0, 16.0]]),
                            np.array([14.0]), np.zeros(1))[0]  # fmt: skip
    radius = 14 / np.sqrt(np.pi)
    y, x = np.mgrid[:32, :32] + 0.5
    np.testing.assert_allclose(
        covered, np.clip(0.5 + radius - np.hypot(x - 16, y - 16), 0, 1), atol=1e-4
    )
    assert covered.sum() == pytest.approx(14**2, rel=0.01)


def test_figures_stand_where_their_factors_say(ask) -> None:
    dataset = ask("shapes", n=600, task="segment")
    assert dataset.task == "segment"
    assert dataset.classes == ("background", *sdf.FIGURES)
    masks, factors = dataset.targets, dataset.factors
    assert (masks.dtype, masks.shape) == (np.uint8, (600, 32, 32))
    np.testing.assert_array_equal(masks.max((1, 2)), factors["figure"] + 1)
    y, x = np.mgrid[:32, :32] + 0.5
    seen = masks > 0
    area = seen.sum((1, 2))
    center = np.stack([(seen * x).sum((1, 2)), (seen * y).sum((1, 2))], 1) / area[:, None]
    inside = np.hypot(*(center - factors["position"]).T)
    assert np.quantile(inside, 0.95) < 1
    assert np.quantile(np.abs(np.sqrt(area) / factors["size"] - 1), 0.95) < 0.15


def test_the_two_tasks_of_shapes_show_the_same_pictures(ask) -> None:
    named, masked = ask("shapes", n=60), ask("shapes", n=60, task="segment")
    np.testing.assert_array_equal(named.inputs, masked.inputs)
    np.testing.assert_array_equal(named.targets, masked.factors["figure"])


def test_colors_and_places_do_not_tell_the_figure(ask) -> None:
    """A forest that sees all factors and the mean colors does no better than guessing."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_score

    dataset = ask("shapes", n=1_800)
    features = [np.asarray(v).reshape(1_800, -1) for v in dataset.factors.values()]
    features.append(dataset.inputs.mean((2, 3)))
    forest = RandomForestClassifier(30, random_state=0)
    scores = cross_val_score(forest, np.concatenate(features, 1), dataset.targets, cv=3)
    assert scores.mean() < 1 / 6 + 0.04
    assert np.ptp(np.bincount(dataset.targets)) == 0


def test_difficulty_governs_clutter_size_and_noise(ask) -> None:
    easy, hard = ask("shapes", n=300, difficulty=0), ask("shapes", n=300, difficulty=1)
    assert easy.factors["clutter"].max() == 0 < hard.factors["clutter"].mean()
    assert np.ptp(easy.factors["size"]) == 0 < np.ptp(hard.factors["size"])
    assert np.ptp(easy.factors["angle"]) == 0 < np.ptp(hard.factors["angle"])
    spread = [np.abs(np.diff(data.inputs.astype(int), axis=3)).mean() for data in (easy, hard)]
    assert spread[0] < spread[1]


def test_what_is_held_out_is_never_seen_in_training(ask) -> None:
    dataset = ask("shapes", n=1_200, held_out=True)
    right, low = (dataset.factors["position"] > 16).T
    pair = dataset.targets * 4 + right + 2 * low
    parts = split(dataset, "shapes")
    seen = np.unique(pair[np.concatenate([parts["train"], parts["eval"]])])
    held_out = np.unique(pair[parts["test"]])
    assert len(held_out) == 6
    assert len(seen) == 18
    assert not set(seen) & set(held_out)
    assert set(dataset.targets[parts["test"]]) == set(range(6))


def test_labels_of_motion_are_the_motion(ask) -> None:
    dataset = ask("moving-shapes", n=60, frames=10)
    assert (dataset.kind, dataset.task) == ("video", "classify")
    assert dataset.inputs.shape == (60, 10, 3, 32, 32)
    went = np.diff(dataset.factors["position"], axis=1) / SPEED
    np.testing.assert_allclose(went, np.array(list(MOTIONS.values()))[dataset.targets[:, 1:]],
                               atol=1e-9)  # fmt: skip
    assert (dataset.targets[:, 0] == 0).all()
    assert len(np.unique(dataset.targets)) == 5
    assert dataset.factors["position"].min() >= 4
    assert dataset.factors["position"].max() <= 28


def test_labels_of_figures_say_what_is_seen(ask) -> None:
    dataset = ask("moving-shapes", n=60, frames=10, target="figure", difficulty=0)
    visible = dataset.factors["visible"]
    kind = dataset.factors["figure"][:, None] + 1
    np.testing.assert_array_equal(dataset.targets, np.where(visible, kind, 0))
    plain = np.ptp(dataset.inputs.reshape(60, 10, 3, -1), axis=3).max(2) == 0
    np.testing.assert_array_equal(plain, ~visible)


def test_moved_digits_are_the_digits_moved(ask) -> None:
    digits = ask("digits").inputs[:, 0].astype(float)
    still = ask("affine-digits", size=20, shift=0, rotate=0, scale=0)
    assert still.inputs.shape == (1797, 1, 20, 20)
    # 12 pixels wide: each pixel of the digit covers 1.5 x 1.5
    mass = still.inputs.sum((1, 2, 3), dtype=float) / digits.sum((1, 2))
    np.testing.assert_allclose(mass, 1.5**2, rtol=0.05)
    moved = ask("affine-digits", size=20, shift=4, rotate=0, scale=0)

    def center(images):
        weights = images[:, 0].astype(float)
        place = np.arange(20) + 0.5
        total = weights.sum((1, 2))
        return np.stack([(weights.sum(1) @ place), (weights.sum(2) @ place)], 1) / total[:, None]

    went = center(moved.inputs) - center(still.inputs)
    np.testing.assert_allclose(went, moved.factors["shift"], atol=0.2)
    assert np.abs(moved.factors["shift"]).max() > 3.9


def test_a_turn_by_a_quarter_is_a_turn_by_a_quarter() -> None:
    from lab_sources.digits import _placed

    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8), dtype=np.uint8)
    ones = np.ones(1)
    turned = _placed(image, 8, np.zeros((1, 2)), ones * np.pi / 2, ones)
    np.testing.assert_array_equal(turned[0], np.rot90(image[0], -1))  # y points down
    np.testing.assert_array_equal(_placed(image, 8, np.zeros((1, 2)), 0 * ones, ones), image)
    placed = _placed(image, 12, np.array([[1.0, -2.0]]), 0 * ones, ones)
    np.testing.assert_array_equal(placed[0, 0:8, 3:11], image[0])
    assert placed.sum() == image.sum()


def test_training_digits_may_be_centered_while_test_digits_are_moved(ask) -> None:
    dataset = ask("affine-digits", centered=True, copies=2)
    parts = split(dataset, "affine-digits")
    shift = np.abs(dataset.factors["shift"]).max(1)
    assert (shift[parts["train"]] == 0).all()
    assert (shift[parts["test"]] > 0).all()
    assert len(parts["test"]) / len(dataset) == pytest.approx(0.2, abs=0.01)
    sides = [set(dataset.groups[rows]) for rows in parts.values()]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_overlapping_digits_are_the_sum_of_two_of_other_classes(ask) -> None:
    dataset = ask("overlapping-digits", n=900)
    first, second, parts = (dataset.factors[name] for name in ("first", "second", "parts"))
    assert (first < second).all()
    summed = np.minimum(parts.sum(1, dtype=int), 255)
    np.testing.assert_array_equal(dataset.inputs[:, 0], summed)
    assert len(dataset.classes) == 45
    names = [f"{a}+{b}" for a, b in zip(first, second, strict=True)]
    assert [dataset.classes[t] for t in dataset.targets] == names


def test_no_digit_of_a_pair_is_seen_on_two_sides(ask) -> None:
    dataset = ask("overlapping-digits", n=2_000, shift=0)
    alone = dataset.factors["parts"]
    sides = [{digit.tobytes() for rows in alone[part] for digit in rows}
             for part in split(dataset, "overlapping-digits").values()]  # fmt: skip
    assert all(len(side) > 100 for side in sides)
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_spirals_wind_and_their_arms_never_meet(ask) -> None:
    dataset = ask("spirals", n=900, arms=3, turns=1.5, noise=0)
    radius = np.hypot(*dataset.inputs.T)
    np.testing.assert_allclose(radius, dataset.factors["along"], rtol=1e-5)
    angle = np.arctan2(dataset.inputs[:, 1], dataset.inputs[:, 0])
    expected = 2 * np.pi * (1.5 * radius + dataset.targets / 3)
    np.testing.assert_allclose(np.cos(angle - expected), 1, atol=1e-6)
    assert np.bincount(dataset.targets).tolist() == [300] * 3


def test_xor_without_noise_is_the_truth_table_on_every_side(ask) -> None:
    dataset = ask("xor", n=200, noise=0)
    truth = {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}
    for rows in split(dataset, "xor").values():
        points = map(tuple, dataset.inputs[rows].astype(int).tolist())
        observed = dict(zip(points, dataset.targets[rows].tolist(), strict=True))
        assert observed == truth
    noisy = ask("xor", n=4_000, noise=0.2)
    corner = np.stack([noisy.factors["corner"] // 2, noisy.factors["corner"] % 2], 1)
    assert (noisy.inputs - corner).std() == pytest.approx(0.2, rel=0.05)
    assert noisy.groups is None


@pytest.mark.parametrize(("name", "modes", "std"), [("ring", 8, 0.02), ("grid", 25, 0.05)])
def test_mixtures_have_the_modes_they_say(ask, name, modes, std) -> None:
    dataset = ask(name)
    centers = np.array([dataset.factors["center"][dataset.targets == m][0] for m in range(modes)])
    assert len(dataset.classes) == modes
    if name == "ring":
        np.testing.assert_allclose(np.hypot(*centers.T), 2)
        steps = np.hypot(*(centers - np.roll(centers, 1, 0)).T)
        np.testing.assert_allclose(steps, 4 * np.sin(np.pi / 8))
    else:
        grid = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
        assert {tuple(center) for center in centers} == grid
    around = dataset.inputs - dataset.factors["center"]
    assert around.std() == pytest.approx(std, rel=0.03)
    assert np.abs(around.mean(0)).max() < std / 20


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_shapes_tell_a_convolution_from_a_hidden_layer_and_that_from_a_line(ask) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    dataset = ask("shapes")
    parts = split(dataset, "shapes")
    flat = (dataset.inputs.reshape(len(dataset), -1) / 255 - 0.5).astype(np.float32)
    train, test = ((flat[parts[p]], dataset.targets[parts[p]]) for p in ("train", "test"))
    line = LogisticRegression(C=0.001, max_iter=100).fit(*train).score(*test)
    hidden = MLPClassifier((256, 128), alpha=1e-3, early_stopping=True, max_iter=60,
                           random_state=0).fit(*train).score(*test)  # fmt: skip
    convolution = small_cnn(dataset, parts)
    assert line < 0.3
    assert hidden > line + 0.08
    assert convolution > max(0.85, hidden + 0.15)


def small_cnn(dataset, parts, epochs: int = 10, batch: int = 64) -> float:
    """Train four convolutions and return their accuracy on the test set."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    widths = (3, 16, 32, 64, 64)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if len(layers) < 12 else []
    net = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(64, 6))
    inputs = torch.from_numpy(dataset.inputs) / 255 - 0.5
    targets = torch.from_numpy(dataset.targets)
    train, test = torch.from_numpy(parts["train"]), parts["test"]
    steps = epochs * (len(train) // batch)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for step in range(steps):
        if step % (len(train) // batch) == 0:
            order = train[torch.randperm(len(train))].split(batch)
        rows = order[step % (len(train) // batch)]
        images = inputs[rows].flip(-1) if step % 2 else inputs[rows]
        loss = nn.functional.cross_entropy(net(images), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        return float((net(inputs[test]).argmax(1) == targets[test]).float().mean())
