"""Augmentations do what hand-made examples say, and draw from the run's generator alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lab.data import augment
from lab.data.augment import Augment
from lab.data.batches import IGNORED
from lab.data.dataset_info import DatasetInfo
from lab.data.options import AUGMENTATIONS, AugmentOptions
from lab.errors import UsageError
from lab.options import build

PICTURES = DatasetInfo(
    "pictures", "image", "classify", (1, 4, 4), ("a", "b", "c"), 3, (0.5,), (0.2,)
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 500, side: int = 4, channels: int = 2) -> torch.Tensor:
    """Images whose values are all different and none is 0."""
    return 1.0 + torch.arange(count * channels * side * side).view(count, channels, side, side)


def moved(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Return an image [C, H, W] moved by whole pixels over zeros, pixel by pixel."""
    shifted = torch.zeros_like(image)
    _, height, width = image.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y - down < height and 0 <= x - right < width:
                shifted[:, y, x] = image[:, y - down, x - right]
    return shifted


def test_a_shift_moves_each_image_by_itself_and_fills_with_0() -> None:
    images = pictures()
    shifted = augment.draw_shift(images, 1, generator())(images, 0)
    assert shifted.shape == images.shape
    places = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    counts = dict.fromkeys(places, 0)
    for before, after in zip(images, shifted, strict=True):
        (place,) = [p for p in places if torch.equal(moved(before, *p), after)]
        counts[place] += 1
    assert min(counts.values()) > 500 / 9 / 2


def test_a_shift_works_on_images_that_are_not_square() -> None:
    images = torch.arange(1.0, 13).view(1, 1, 2, 6).repeat(50, 1, 1, 1)
    shifted = augment.draw_shift(images, 2, generator())(images, 0)
    variants = {tuple(image.flatten().tolist()) for image in shifted}
    places = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    assert variants <= {tuple(moved(images[0], *p).flatten().tolist()) for p in places}
    assert len(variants) > 10


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_a_flip_mirrors_left_to_right_with_its_chance(chance) -> None:
    images = pictures()
    flipped = augment.draw_flip(images, chance, generator())(images, 0)
    mirrored = [torch.equal(a, b[..., [3, 2, 1, 0]]) for a, b in zip(images, flipped, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(images, flipped, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert sum(mirrored) / 500 == pytest.approx(chance, abs=0.07)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_a_cutout_clears_a_square_that_may_hang_over_the_edge(side) -> None:
    images = pictures(side=6)
    cleared = augment.cutout(images, side, generator()) == 0
    assert (cleared[:, 0] == cleared[:, 1]).all()  # all channels alike
    areas = cleared[:, 0].sum((1, 2))
    assert areas.max() == side * side
    for hole in cleared[:50, 0]:
        rows, columns = hole.any(1).sum(), hole.any(0).sum()
        assert hole.sum() == rows * columns  # a rectangle
        assert max(rows, columns) <= side
    if side == 1:
        assert cleared[:, 0].any(0).all()  # anywhere


def test_a_crop_of_the_whole_is_the_image_itself() -> None:
    images = pictures(10, 8) / 1_000
    torch.testing.assert_close(augment.draw_crop(images, 1.0, generator())(images, 0), images)


def test_a_crop_enlarges_a_part() -> None:
    ramp = torch.linspace(-1, 1, 33)[None, None, None].expand(200, 1, 33, 33)
    cropped = augment.draw_crop(ramp, 0.5, generator())(ramp, 0)
    widths = cropped[..., -1].mean(-1) - cropped[..., 0].mean(-1)  # of the part, where all is 2
    assert float(widths.min()) > 0.9
    assert float(widths.max()) <= 2.0
    assert float(widths.std()) > 0.1
    assert cropped.abs().max() <= 1


def test_mixup_mixes_inputs_and_classes_alike() -> None:
    inputs = torch.eye(3).repeat(40, 1)  # each example is its own class, one-hot
    targets = torch.arange(3).repeat(40)
    mixed, soft = augment.mixup(inputs, targets, 3, 0.4, generator())
    assert soft.shape == (120, 3)
    torch.testing.assert_close(soft.sum(1), torch.ones(120))
    torch.testing.assert_close(mixed, soft)
    assert 0.1 < float(soft.max(1).values.mean()) < 1
    assert (soft >= 0).all()


def test_mixup_mixes_the_classes_of_steps_as_those_of_examples() -> None:
    """Class probabilities [B, K, T], as cross-entropy takes them with logits of that shape."""
    inputs, targets = torch.randn(6, 4, 2), torch.arange(24).view(6, 4) % 3
    _, soft = augment.mixup(inputs, targets, 3, 0.4, generator())
    assert soft.shape == (6, 3, 4)
    for step in range(4):
        _, alone = augment.mixup(inputs, targets[:, step], 3, 0.4, generator())
        assert torch.equal(soft[:, :, step], alone)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
def test_mixups_shares_follow_the_beta_distribution(alpha) -> None:
    inputs = torch.ones(4_000, 1)
    inputs[::2] = 0
    mixed, _ = augment.mixup(inputs, torch.zeros(4_000), 1, alpha, generator())
    unlike = mixed[(mixed > 0) & (mixed < 1)]
    assert mixed.isfinite().all()
    if alpha >= 1:  # of the half that met an unlike one
        assert float(unlike.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.15)


def test_noise_has_the_deviation_asked_for() -> None:
    vary = Augment({"noise": 0.3}, PICTURES, generator())
    images = torch.zeros(200, 1, 8, 8)
    varied = vary({"inputs": images})
    assert set(varied) == {"inputs"}
    assert float(varied["inputs"].std()) == pytest.approx(0.3, rel=0.05)


ALL = {"shift": 1.0, "crop": 0.8, "flip": 0.5, "cutout": 2.0, "noise": 0.1, "mixup": 0.2}


def test_the_generators_state_is_all_there_is() -> None:
    batch = {"inputs": pictures(16, channels=1), "targets": torch.arange(16) % 3}
    rng = generator()
    vary = Augment(ALL, PICTURES, rng)
    vary(batch)
    state = rng.get_state()
    torch.manual_seed(1)
    first = vary(batch)
    rng.set_state(state)
    torch.manual_seed(2)
    again = vary(batch)
    assert all(torch.equal(first[name], again[name]) for name in batch)
    before = torch.get_rng_state()
    later = vary(batch)
    assert not torch.equal(first["inputs"], later["inputs"])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("amounts", [{}, {"crop": 1.0}, dict.fromkeys(set(ALL) - {"crop"}, 0.0)])
def test_nothing_is_touched_and_nothing_drawn_where_the_amount_says_so(amounts) -> None:
    batch, rng = {"inputs": pictures(), "targets": torch.zeros(500, dtype=torch.long)}, generator()
    before = rng.get_state()
    varied = Augment(amounts, PICTURES, rng)(batch)
    assert all(varied[name] is batch[name] for name in batch)
    assert torch.equal(rng.get_state(), before)


SCENES = replace(PICTURES, task="segment")


def random_masks(count: int, height: int, width: int) -> torch.Tensor:
    return torch.randint(3, (count, height, width), generator=generator(7))


@pytest.mark.parametrize(
    "amounts", [{"shift": 2.0}, {"flip": 0.5}, {"shift": 1.0, "flip": 0.5}], ids=str
)
def test_each_pixel_of_a_mask_goes_where_that_of_its_image_goes(amounts) -> None:
    """Pixels are numbered from 1, so that a moved image says where each came from."""
    numbers = torch.arange(1.0, 31).view(1, 1, 5, 6).repeat(200, 1, 1, 1)
    masks = random_masks(200, 5, 6)
    varied = Augment(amounts, SCENES, generator())({"inputs": numbers, "targets": masks})
    uncovered = varied["inputs"][:, 0] == 0
    assert uncovered.any() == ("shift" in amounts)
    for came, mask, before in zip(varied["inputs"], varied["targets"], masks, strict=True):
        expected = [
            IGNORED if n == 0 else int(before.flatten()[int(n) - 1]) for n in came.flatten()
        ]
        assert mask.flatten().tolist() == expected
    assert varied["targets"].dtype == torch.long
    assert not torch.equal(varied["targets"], masks)


def test_a_cropped_mask_has_the_nearest_pixel() -> None:
    """Images hold the row and the column of each pixel, which interpolation leaves linear."""
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(7.0), indexing="ij")
    images = torch.stack([rows, columns]).repeat(200, 1, 1, 1)
    masks = random_masks(200, 9, 7)
    varied = Augment({"crop": 0.5}, SCENES, generator())({"inputs": images, "targets": masks})
    places = varied["inputs"].movedim(1, -1)
    clear = ((places % 1 - 0.5).abs() > 1e-3).all(-1)  # of two pixels that are equally near
    assert clear.float().mean() > 0.9
    row, column = places.round().long().unbind(-1)
    expected = masks[torch.arange(200)[:, None, None], row, column]
    assert torch.equal(varied["targets"][clear], expected[clear])
    assert not torch.equal(varied["targets"], masks)


@pytest.mark.parametrize("amounts", [{"noise": 0.1}, {"cutout": 2.0}], ids=str)
def test_masks_stay_where_images_do_not_move(amounts) -> None:
    batch = {"inputs": pictures(5), "targets": random_masks(5, 4, 4)}
    assert Augment(amounts, SCENES, generator())(batch)["targets"] is batch["targets"]


def test_classes_of_images_do_not_move() -> None:
    batch = {"inputs": pictures(5), "targets": torch.arange(5) % 3}
    assert Augment({"shift": 1.0}, PICTURES, generator())(batch)["targets"] is batch["targets"]


@pytest.mark.parametrize(
    ("info", "name", "message"),
    [
        (replace(PICTURES, kind="table"), "flip", "flip needs images; pictures has none"),
        (replace(PICTURES, kind="video"), "shift", "shift needs images"),
        (replace(PICTURES, kind="sequence"), "crop", "crop needs images"),
        (replace(PICTURES, kind="tokens"), "flip", "flip needs images"),
        (replace(PICTURES, kind="tokens"), "noise", "varies numbers; pictures holds words"),
        (replace(PICTURES, kind="tokens"), "mixup", "varies numbers; pictures holds words"),
        (replace(PICTURES, task="regress"), "mixup", "mixes classes; pictures is to regress"),
        (replace(PICTURES, task="segment"), "mixup", "mixes classes; pictures is to segment"),
    ],
)
def test_what_makes_no_sense_is_said(info, name, message) -> None:
    with pytest.raises(UsageError, match=message):
        Augment({name: 1.0}, info, generator())


@pytest.mark.parametrize(
    "text",
    ["shift=-1", "shift=1.5", "flip=1.1", "crop=0", "crop=2", "noise=nan", "cutout=inf", "cut=1",
     "cutout=0.5", "mixup=-0.1"],
)  # fmt: skip
def test_amounts_out_of_range_are_refused(text) -> None:
    with pytest.raises(UsageError, match="--augment"):
        build(AugmentOptions, {"augment": text})


def test_every_augmentation_can_be_asked_for() -> None:
    text = ",".join(f"{name}={amount}" for name, amount in ALL.items())
    assert build(AugmentOptions, {"augment": text}).augment == ALL
    assert set(ALL) == set(AUGMENTATIONS)
