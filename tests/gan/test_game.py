"""The game is played as it should be: each player learns in its own turn."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from helpers import keeping, noting
from torch.nn.functional import cross_entropy

import lab
from lab.compute.device import Compute
from lab.engine.context import Context
from lab.plugins import discover
from lab_gan.adversarial import Adversarial
from lab_gan.config import Config
from lab_gan.discriminator import DiscriminatorOutput
from lab_gan.gan import GAN


@pytest.fixture
def make(tmp_path):
    """A gan on few points, as a run would make it."""

    def make(**options) -> GAN:
        fixed = {
            "data": "ring",
            "data_args": {"n": 200},
            "hidden": (8,),
            "latent_dim": 3,
            "batch_size": 8,
        }
        if options.get("data") in ("waves", "moving-shapes") or options.get("arch") == "cnn":
            del fixed["hidden"]
        if "data" in options:
            del fixed["data_args"]
        config = Config(**{**fixed, **options})
        ctx = Context(
            seed=0, budget=1_000, dir=tmp_path, compute=Compute(torch.device("cpu")),
            sources=discover().sources(),
        )  # fmt: skip
        return GAN(config, ctx)

    return make


def values(module: torch.nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in module.state_dict().values()]


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("loss", ["non-saturating", "wgan-gp", "relativistic"])
def test_each_player_moves_in_its_own_turn_alone(make, loss) -> None:
    gan = make(loss=loss)
    g, d = values(gan.players.generator), values(gan.players.discriminator)
    batch = gan.players.prepare(gan.batches.next())
    gan.update_discriminator(batch)
    assert same(g, values(gan.players.generator))
    assert not same(d, values(gan.players.discriminator))
    d = values(gan.players.discriminator)
    gan.update_generator(batch)
    assert same(d, values(gan.players.discriminator))
    assert not same(g, values(gan.players.generator))


def test_critics_learn_more_often_and_the_clock_counts_what_they_see(make) -> None:
    for options, updates in (({}, 1), ({"loss": "wgan"}, 5), ({"critic_steps": 3}, 3)):
        gan = make(**options)
        assert gan.step() == updates * 8
        assert gan.updates == updates


def test_noise_is_fresh_in_every_turn(make) -> None:
    gan = make()
    seen: list[Any] = []
    draw_codes = gan.players.codes.draw
    gan.players.codes = copy.copy(gan.players.codes)
    object.__setattr__(gan.players.codes, "draw", keeping(draw_codes, seen))
    gan.step()
    assert len(seen) == 2
    assert not torch.equal(*seen)


def test_a_clipped_critic_stays_within_its_bound(make) -> None:
    gan = make(loss="wgan", weight_clip=0.02, lr=1e-2)
    gan.step()
    assert (
        max(float(p.detach().abs().max()) for p in gan.players.discriminator.parameters()) <= 0.02
    )


def test_two_rates_for_two_players(make) -> None:
    gan = make(lr=1e-4, d_lr=4e-4)
    gan.step()
    rates = [
        u.optimizer.param_groups[0]["lr"] for u in (gan.players.g_updater, gan.players.d_updater)
    ]
    assert rates == [1e-4, 4e-4]
    assert gan.players.g_updater.optimizer.param_groups[0]["betas"] == (0.5, 0.99)


def test_samples_come_of_the_averaged_generator_its_buffers_too(make) -> None:
    gan = make(norm="batch", lr=1e-2, ema=0.9)
    for _ in range(5):
        gan.step()
    rows = torch.randn(4, 3)
    gan.players.generator.eval()
    averages = gan.state_dict()["model"]["generator"]
    net = copy.deepcopy(gan.players.generator)
    net.load_state_dict(averages)
    expected = net(rows)
    std = torch.tensor(gan.info.std)
    mean = torch.tensor(gan.info.mean)
    assert torch.allclose(gan.players.generate(rows), expected * std + mean, atol=1e-5)
    assert not torch.allclose(net(rows), gan.players.generator(rows), atol=1e-4)
    buffers = [name for name in averages if name.endswith("running_mean")]
    state = gan.players.generator.state_dict()
    assert buffers
    assert all(not torch.equal(averages[name], state[name]) for name in buffers)


# -- what a discriminator's loss is made of


class Line(torch.nn.Module):
    """D(x) = w x of a point, or of the sum of a pack."""

    def __init__(self, slope: float, pack: int = 1) -> None:
        super().__init__()
        self.w, self.pack = torch.nn.Parameter(torch.tensor(slope)), pack

    def forward(self, x, labels=None):
        return DiscriminatorOutput((self.w * x).view(-1, self.pack).sum(1))


class Curve(torch.nn.Module):
    """D(x) = x^2 / 2, whose gradient is x."""

    def forward(self, x, labels=None):
        return DiscriminatorOutput(x.flatten(1).square().sum(1) / 2)


def game(discriminator, **options) -> Adversarial:
    from lab_gan.latent import LatentSpec

    config = Config(**options)
    generator = torch.Generator().manual_seed(0)
    return Adversarial(config, LatentSpec(2, 0, 0, 0), discriminator, generator)


def paying(real: torch.Tensor, fake: torch.Tensor, weight: float = 1.0) -> lab.Batch:
    """A batch whose penalties are due."""
    return {"real": real, "fake": fake, "penalty_weight": torch.tensor(weight)}


def drawn(gan: GAN) -> lab.Batch:
    """A batch as the players get it, with the codes of samples, and these."""
    batch = gan.players.prepare(gan.batches.next())
    batch["codes"] = gan.players.draw(len(batch["real"]), batch.get("labels"))
    return {**batch, "fake": gan.players.generator(batch["codes"]).detach()}


@pytest.mark.parametrize(
    ("options", "penalty"),
    [
        ({"loss": "wgan-gp", "gradient_penalty": 3.0}, 3 * (2 - 1) ** 2),
        ({"loss": "wgan", "r1": 0.5}, 0.5 / 2 * 4),
        ({"loss": "wgan", "r1": 0.5, "r2": 1.0}, 1.5 / 2 * 4),
    ],
)
def test_slopes_are_paid_for_by_their_weight(options, penalty) -> None:
    discriminator = Line(2.0)
    play = game(discriminator, **options)
    real, fake = torch.randn(6, 1), torch.randn(6, 1)
    loss, seen = play.discriminator_loss(discriminator, paying(real, fake))
    plain = 2 * (fake - real).mean()
    assert float(seen["penalty"]) == pytest.approx(penalty, rel=1e-5)
    assert loss.item() == pytest.approx(plain.item() + penalty, rel=1e-4)


def test_reals_and_fakes_have_gammas_of_their_own() -> None:
    """With gradient x: R1 is gamma / 2 E[x^2] over reals, R2 over fakes."""
    discriminator = Curve()
    play = game(discriminator, loss="wgan-gp", gradient_penalty=0.0, r1=3.0, r2=5.0)
    batch = paying(torch.full((6, 1), 2.0), torch.full((6, 1), 7.0))
    _, seen = play.discriminator_loss(discriminator, batch)
    assert float(seen["penalty"]) == pytest.approx(3 / 2 * 4 + 5 / 2 * 49)


@pytest.mark.parametrize(
    ("options", "penalty"),
    [({"gradient_penalty": 1.0}, (2 - 1) ** 2), ({"gradient_penalty": 0.0, "r1": 2.0}, 4.0)],
)
def test_a_pack_is_one_thing_that_is_judged(options, penalty) -> None:
    """Of a sum of w x over a pack of four, the gradient norm is w sqrt(4)."""
    discriminator = Line(1.0, pack=4)
    play = game(discriminator, loss="wgan-gp", packing=4, **options)
    _, seen = play.discriminator_loss(discriminator, paying(torch.randn(8, 1), torch.randn(8, 1)))
    assert float(seen["penalty"]) == pytest.approx(penalty, rel=1e-4)


def test_a_price_has_the_gradient_of_its_closed_form() -> None:
    """(w - 1)^2 has 2 (w - 1), and no nan where w is 0."""
    for w, expected in ((3.0, 4.0), (0.5, -1.0), (0.0, 0.0)):
        discriminator = Line(w)
        play = game(discriminator, loss="wgan-gp", gradient_penalty=1.0)
        points = torch.randn(6, 1)  # the critic itself gains nothing between equals
        loss, _ = play.discriminator_loss(discriminator, paying(points, points))
        loss.backward()
        assert discriminator.w.grad is not None
        assert discriminator.w.grad.item() == pytest.approx(expected, abs=1e-3)


def test_lazy_penalties_come_seldom_and_weigh_more(make) -> None:
    gan = make(loss="relativistic", reg_interval=4)
    paid = []
    note = lambda batch: paid.append(batch.get("penalty_weight"))  # noqa: E731
    gan.players.d_updater = noting(gan.players.d_updater, note)
    for _ in range(8):
        gan.update_discriminator(gan.players.prepare(gan.batches.next()))
    assert [weight and weight.item() for weight in paid] == [4.0, None, None, None] * 2
    discriminator = Line(2.0)
    play = game(discriminator, loss="wgan", r1=0.5, reg_interval=4)
    zeros = torch.zeros(6, 1)
    loss, _ = play.discriminator_loss(discriminator, paying(zeros, zeros, 4.0))
    assert loss.item() == pytest.approx(4 * 0.5 / 2 * 4)
    loss, seen = play.discriminator_loss(discriminator, {"real": zeros, "fake": zeros})
    assert loss.item() == 0
    assert "penalty" not in seen


def test_figures_are_those_of_the_whole_loss_whatever_is_due_in_training(make, monkeypatch) -> None:
    gan = make(loss="wgan-gp", reg_interval=4, batch_size=8)
    seen: list[Any] = []
    play = gan.players.game
    monkeypatch.setattr(play, "discriminator_loss", keeping(play.discriminator_loss, seen))
    for _ in range(2):  # before the first update and after it
        with torch.no_grad():
            metrics = gan.evaluator.of_players("eval")
        loss, terms = seen.pop()
        assert float(terms["penalty"]) > 0
        assert metrics["d_loss"] == pytest.approx(loss.item())
        gan.step()


def test_an_auxiliary_head_learns_the_classes_of_reals_and_fakes(make) -> None:
    gan = make(conditional="auxiliary", class_weight=2.0)
    batch = drawn(gan)
    labels = batch["labels"]
    play, discriminator = gan.players.game, gan.players.discriminator
    loss, _ = play.discriminator_loss(discriminator, batch)
    outputs = discriminator(torch.cat([batch["real"], batch["fake"]]), torch.cat([labels, labels]))
    on_real, on_fake = outputs.score.chunk(2)
    plain = play.loss.discriminator(on_real, on_fake).mean()
    named = cross_entropy(outputs.classes, torch.cat([labels, labels]).argmax(1))
    assert loss.item() == pytest.approx((plain + 2 * named).item(), rel=1e-5)


def test_codes_are_read_from_fakes_alone(make) -> None:
    gan = make(info_categorical=3, info_continuous=2)
    batch = drawn(gan)
    loss, _ = gan.players.game.discriminator_loss(gan.players.discriminator, batch)
    outputs = gan.players.discriminator(batch["fake"])
    meaning = gan.players.codes.read(batch["codes"])
    info_loss = cross_entropy(outputs.category, meaning["category"].argmax(1))
    info_loss = info_loss + (outputs.continuous - meaning["numbers"]).square().mean() / 2
    scores = gan.players.discriminator(torch.cat([batch["real"], batch["fake"]])).score
    plain = gan.players.game.loss.discriminator(*scores.chunk(2)).mean()
    assert loss.item() == pytest.approx((plain + info_loss).item(), rel=1e-5)


def test_the_generator_is_to_be_taken_for_real_and_for_its_class(make) -> None:
    gan = make(conditional="auxiliary", class_weight=2.0)
    batch, players = drawn(gan), gan.players
    labels = batch["labels"]
    loss, _ = players.game.generator_loss(players.generator, batch)
    outputs = players.discriminator(players.generator(batch["codes"]), labels)
    plain = torch.nn.functional.softplus(-outputs.score).mean()
    named = cross_entropy(outputs.classes, labels.argmax(1))
    assert loss.item() == pytest.approx((plain + 2 * named).item(), rel=1e-5)


def test_the_generator_makes_its_codes_readable(make) -> None:
    gan = make(info_categorical=3, info_continuous=2, info_weight=0.5)
    batch, players = drawn(gan), gan.players
    loss, _ = players.game.generator_loss(players.generator, batch)
    outputs = players.discriminator(players.generator(batch["codes"]))
    meaning = players.codes.read(batch["codes"])
    info_loss = cross_entropy(outputs.category, meaning["category"].argmax(1))
    info_loss = info_loss + (outputs.continuous - meaning["numbers"]).square().mean() / 2
    plain = torch.nn.functional.softplus(-outputs.score).mean()
    assert loss.item() == pytest.approx((plain + 0.5 * info_loss).item(), rel=1e-5)


def test_a_relativistic_generator_is_compared_with_reals(make) -> None:
    gan = make(loss="relativistic")
    batch, players = drawn(gan), gan.players
    loss, _ = players.game.generator_loss(players.generator, batch)
    fake = players.discriminator(players.generator(batch["codes"])).score
    on_real = players.discriminator(batch["real"]).score
    expected = torch.nn.functional.softplus(on_real - fake).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_both_players_see_varied_images(make, monkeypatch) -> None:
    from lab_gan import adversarial

    gan = make(data="digits", arch="mlp", diffaug=("cutout",))
    seen = []
    spy = noting(lambda x, policy, generator: x, lambda x, *_: seen.append(len(x)))
    monkeypatch.setattr(adversarial, "differentiable", spy)
    gan.step()
    assert seen == [8, 8, 8]  # reals and fakes for the discriminator, fakes for the generator


def test_few_labels_are_all_that_a_semi_supervised_discriminator_sees(make) -> None:
    gan = make(n_labeled_per_class=2, data="digits", arch="mlp")
    assert len(gan.labeled) == 20
    targets = gan.data.train.take(gan.labeled)["targets"]
    assert targets.bincount().tolist() == [2] * 10
    labeled = set()
    for _ in range(20):
        examples, classes = gan.labeled_batch().values()
        pairs = zip(examples.flatten(1).tolist(), classes.tolist(), strict=True)
        labeled |= {(*example, number) for example, number in pairs}
    assert len(labeled) <= 20


def test_known_classes_are_learned_by_their_weight(make) -> None:
    """In addition to the loss without labels: the value, and the gradient of the class layer."""
    gan = make(n_labeled_per_class=2, data="digits", arch="mlp", class_weight=2.0)
    discriminator, play = gan.players.discriminator, gan.players.game
    batch, labeled = drawn(gan), gan.labeled_batch()
    batch["fake"] = torch.rand_like(batch["real"])
    with_labels, _ = play.discriminator_loss(discriminator, {**batch, **labeled})
    without, _ = play.discriminator_loss(discriminator, batch)
    expected = 2 * cross_entropy(discriminator(labeled["known"]).classes, labeled["known_classes"])
    assert (with_labels - without).item() == pytest.approx(expected.item(), rel=1e-4)
    weight = discriminator.names.weight
    (gradient,) = torch.autograd.grad(with_labels - without, weight)
    assert torch.allclose(gradient, torch.autograd.grad(expected, weight)[0], atol=1e-5)


def test_the_verdict_on_fooling_needs_a_discriminator_that_could_tell(make) -> None:
    """A random discriminator cannot tell either, and that says nothing."""
    gan = make(eval_samples=60)
    metrics = gan.evaluate("eval")
    assert metrics["indistinguishable"] == 0
    generator = torch.Generator().manual_seed(0)
    for _ in range(2_000):  # scores that tell nothing, of few examples
        gan.players.compare(*torch.randn(2, 8, generator=generator))
    assert float(gan.players.best_rank_auc) < 0.65
    for _ in range(60):
        gan.players.compare(torch.ones(8), torch.zeros(8))
    assert float(gan.players.best_rank_auc) > 0.9


# -- refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"packing": 3}, "--packing 3 does not divide --batch-size 64"),
        ({"packing": 2, "conditional": "projection"}, "--packing judges several"),
        ({"n_labeled_per_class": 5, "conditional": "concat"}, "exclude each other"),
        ({"info_categorical": 1}, "--info-categorical 1"),
        ({"lipschitz": 3.0}, "--lipschitz needs a bound"),
        ({"weight_clip": 0.1}, "--weight-clip is for --loss wgan"),
        ({"reg_interval": 4}, "--reg-interval is for penalties"),
        ({"momentum": 0.5}, "--momentum is not Adam's"),
        ({"class_weight": 2.0}, "--class-weight is for"),
        ({"info_weight": 2.0}, "--info-weight is for"),
        ({"loss": "wgan", "info_categorical": 3}, "--loss wgan clips all weights"),
        ({"loss": "hinge", "n_labeled_per_class": 3}, "take --loss non-saturating or minimax"),
        ({"diffaug": ("blur",)}, "'blur' is none of color, translation, cutout"),
        ({"optimizer": "sgd", "beta1": 0.1}, "--beta1 is Adam's"),
        ({"hidden": (0,)}, "--hidden"),
        ({"norm": "batch", "batch_size": 1}, "--norm batch"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "diabetes", "conditional": "concat"}, "needs classes; diabetes has none"),
        ({"data": "diabetes", "n_labeled_per_class": 3}, "--n-labeled-per-class needs classes"),
        ({"data": "moving-shapes"}, "moving-shapes is video data"),
        ({"arch": "cnn"}, "--arch cnn cannot make ring; leave it to mlp"),
        ({"width": 8}, "--width does nothing for ring, which mlp makes"),
        ({"temperature": 2.0}, "--temperature does nothing for ring"),
        ({"data": "waves", "norm": "batch", "hidden": (128, 128)}, "--norm does nothing for waves"),
        ({"diffaug": ("cutout",)}, "--diffaug varies images"),
        ({"data": "waves", "loss": "hinge"}, "no spectral norm"),
    ],
)
def test_data_that_do_not_have_what_is_asked_for_are_refused(make, options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        make(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"data_args": {"n": 120}, "batch_size": 16, "packing": 16},
            "--packing 16 does not fit ring: batches of 16 and 12",
        ),
        (
            {"data": "digits", "arch": "mlp", "n_labeled_per_class": 500},
            "a class of digits has 12. examples",
        ),
    ],
)
def test_examples_that_do_not_allow_it_are_refused_before_training(make, options, message) -> None:
    gan = make(**options)
    with pytest.raises(lab.UsageError, match=message):
        gan.step()
