"""Every architecture trains under the runner, goes on exactly, and says what it cannot do."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import helpers
import pytest
import torch
from helpers import column, difference, last_state, rows
from PIL import Image
from torch.nn.functional import cross_entropy

import lab
from lab import api
from lab.engine.evaluation import evaluate
from lab.plugins import discover
from lab.resolve import resolve
from lab.testing import Subject
from lab.testing.subject import Failing
from lab_cnn.cnn import CNN
from lab_cnn.models.names import names
from lab_cnn.presets import PRESETS

SMALL = ["lenet5", "alexnet", "googlenet", "resnet20", "plain20", "mobilenet_v1", "mobilenet_v2"]
SMALL += ["simple", "separable", "spatial"]
PICTURES = {"gray": {"side": 8}, "color": {"side": 32, "channels": 3}}


def take_a_step(**options) -> torch.Tensor:
    """Take one optimizer step, and return how far each parameter went."""
    subject = Subject(discover().experiment("cnn"), discover())
    with subject.experiment(width=1.0, batch_size=4, data="bars", **options) as (experiment, ctx):
        assert isinstance(experiment, CNN)
        before = [p.detach().clone() for p in experiment.net.parameters()]
        assert experiment.step() == 4
        after = list(experiment.net.parameters())
        metrics = evaluate(experiment, ctx, "eval", purpose="eval")
        assert 0 <= metrics["eval/accuracy"] <= 1
        return torch.stack([(a - b).abs().max() for a, b in zip(after, before, strict=True)])


@pytest.mark.parametrize("arch", SMALL)
def test_every_family_takes_a_step_on_tiny_pictures(sources, arch) -> None:
    moves = take_a_step(arch=arch, data_args=PICTURES["gray"])
    assert (moves > 0).float().mean() > 0.4
    assert moves.isfinite().all()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("pictures", PICTURES)
@pytest.mark.parametrize("arch", names())
def test_every_architecture_takes_a_step(sources, arch, pictures) -> None:
    assert take_a_step(arch=arch, data_args=PICTURES[pictures]).isfinite().all()


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "tiny"])
def test_a_preset_is_chosen_by_what_it_is_for(name) -> None:
    chosen = {option: PRESETS[name][option] for option in ("data", "arch")}
    if "task" in PRESETS[name]:
        chosen = {"data": PRESETS[name]["data"], "task": PRESETS[name]["task"]}
    assert resolve(discover().experiment("cnn"), chosen).preset == name


def test_digits_without_an_architecture_have_the_preset_of_lenet() -> None:
    assert resolve(discover().experiment("cnn"), {}).preset == "digits-lenet5"


def test_it_learns(train) -> None:
    result = train(budget=1_500, eval_every=500, lr=0.01)
    assert result.summary["test"]["test/accuracy"] > 0.9


def test_channels_last_changes_no_figure(train) -> None:
    """After one step, which moves every parameter by more than ten times the bound: after several,
    a rounding that turned a ReLU off would be most of what is seen."""
    folders = [
        train(arch="resnet20", optimizer="sgd", lr=0.01, channels_last=last, budget=16).dir
        for last in (False, True)
    ]
    weights = [last_state(folder)["experiment"]["model"] for folder in folders]
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=1e-5), name
    loaded = lab.load(folders[1])
    assert loaded.net.layer1[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)


# -- going on


HARD = {
    "arch": "resnet20", "budget": 256, "eval_every": 64, "schedule": "one-cycle", "ema": 0.9,
    "augment": {"shift": 1, "noise": 0.1}, "label_smoothing": 0.1, "clip_norm": 1.0,
    "weight_decay": 0.01, "class_weights": "balanced", "patience": 9, "channels_last": True,
}  # fmt: skip


def test_what_fails_within_an_epoch_ends_bit_for_bit_like_the_whole(train, tmp_path) -> None:
    """84 examples an epoch: a checkpoint at 112 lies within the second one."""
    uninterrupted = train("whole", **HARD, checkpoint_every=112)
    fixed = {"data": "bars", "batch_size": 16, "runs_dir": tmp_path / "runs", "name": "broken"}
    fixed |= {"wandb": "disabled", "media": False, "width": 1.0, "checkpoint_every": 112}
    plugins = discover()
    spec = plugins.experiment("cnn")
    with pytest.raises(lab.RunFailed):
        api.start(spec, resolve(spec, {**fixed, **HARD}), plugins, Failing(176))
    resumed = lab.resume(tmp_path / "runs" / "broken")
    assert rows(resumed.dir) == rows(uninterrupted.dir)
    assert difference(last_state(resumed.dir), last_state(uninterrupted.dir)) is None
    assert resumed.summary["test"] == uninterrupted.summary["test"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_run_ends_bit_for_bit_like_the_whole_one(site, tmp_path) -> None:
    words = [
        "run",
        "cnn",
        "--data",
        "bars",
        "--arch",
        "resnet20",
        "--batch-size",
        16,
        "--budget",
        4_000,
    ]
    words += ["--eval-every", 500, "--checkpoint-every", 112, "--wandb", "disabled", "--no-media"]
    words += ["--schedule", "cosine", "--augment", "shift=1", "--ema", 0.9, "--quiet"]
    env = helpers.child_environment(site, Path(__file__).parent / "sources")
    for name in ("whole", "killed"):
        command = helpers.lab_command(*words, "--name", name)
        child = subprocess.Popen(command, cwd=tmp_path, env=env)
        last = tmp_path / "runs" / name / "checkpoints" / "last.pt"
        while name == "killed" and child.poll() is None:
            time.sleep(0.01)
            if last.exists():
                time.sleep(1)
                child.send_signal(signal.SIGKILL)
                break
        assert child.wait() == (-signal.SIGKILL if name == "killed" else 0)
    run = helpers.run_child(helpers.lab_command("resume", "killed"), tmp_path, env)
    assert run.returncode == 0, run.stderr
    ours, theirs = tmp_path / "runs" / "killed", tmp_path / "runs" / "whole"
    assert rows(ours) == rows(theirs)
    assert difference(last_state(ours), last_state(theirs)) is None


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "options",
    [
        {"arch": "simple"},
        {"arch": "simple", "task": "segment"},
        {"arch": "resnet20", "ema": 0.9, "channels_last": True},
    ],
    ids=["classify", "segment", "resnet"],
)
def test_compiled_networks_train_and_are_drawn(train, options) -> None:
    result = train(compile=True, media=True, **options)
    plain = train(compile=False, **options)
    for name, value in plain.summary["test"].items():
        assert result.summary["test"][name] == pytest.approx(value, abs=0.05), name
    assert len(list((result.dir / "media").iterdir())) >= 4


# -- the loss


def test_googlenets_auxiliary_heads_count_by_three_tenths(train) -> None:
    experiment = lab.load(train(arch="googlenet", budget=16).dir)
    images, classes = torch.rand(6, 1, 8, 8), torch.arange(6) % 3
    batch = {"inputs": images, "targets": classes}
    net = experiment.net.train()
    torch.manual_seed(0)
    value, accuracy = experiment.loss(net, batch)
    torch.manual_seed(0)
    outputs = net(images)
    main, first, second = (cross_entropy(out, classes) for out in outputs)
    assert torch.allclose(value, main + 0.3 * (first + second))
    assert accuracy == (outputs[0].argmax(1) == classes).float().mean()
    alone, _ = experiment.loss(net.eval(), batch)
    assert torch.allclose(alone, cross_entropy(net(images), classes))


def test_labels_are_smoothed_in_training_and_not_in_measuring(train) -> None:
    smooth = lab.load(train(label_smoothing=0.2, budget=16).dir)
    images, classes = torch.rand(6, 1, 8, 8), torch.arange(6) % 3
    value, _ = smooth.loss(smooth.net, {"inputs": images, "targets": classes})
    logs = smooth.net(images).log_softmax(1)
    smoothed = 0.8 * torch.nn.functional.one_hot(classes, 3) + 0.2 / 3
    assert torch.allclose(value, -(smoothed * logs).sum(1).mean())
    data = smooth.supervision.data.eval
    logits = smooth.net(smooth.info.prepare_inputs(data.inputs))
    with torch.no_grad():
        assert smooth.evaluate("eval")["loss"] == pytest.approx(
            float(cross_entropy(logits, data.targets.long())), abs=1e-5
        )


def test_figures_and_predictions_come_of_the_averaged_weights(train) -> None:
    """Again by hand, with the averages in a network that knows no others."""
    result = train(ema=0.9, budget=160, lr=0.02, eval_every=160)
    state = last_state(result.dir)["experiment"]
    experiment = lab.load(result.dir, "last")
    experiment.load_state_dict(state)  # what trains on is other weights
    net = experiment.build(3).eval()
    net.load_state_dict(state["model"])
    experiment.net.eval()
    part = experiment.supervision.data.eval
    with torch.no_grad():
        logits = net(experiment.info.prepare_inputs(part.inputs))
    answers = torch.from_numpy(experiment.predict(part.inputs))
    assert torch.allclose(answers, logits.softmax(1), atol=1e-5)
    loss = cross_entropy(logits, part.targets.long()).item()
    assert column(result.dir, "eval/loss")[-1] == pytest.approx(loss, rel=1e-4)


def test_what_patience_ended_stays_ended_in_its_checkpoint(train) -> None:
    result = train(patience=1, lr=1e-12, budget=50_000, eval_every=50_000)
    assert result.summary["clock"]["value"] < 50_000
    experiment = lab.load(result.dir, "last")
    experiment.load_state_dict(last_state(result.dir)["experiment"])
    assert experiment.step() == 0


@pytest.mark.parametrize("arch", ["googlenet", "simple"])
def test_gradients_are_logged_by_layer(train, arch) -> None:
    result = train(arch=arch, layer_stats=True, budget=16, media=arch == "simple")
    last = [row for row in rows(result.dir) if "eval/accuracy" in row][-1]
    assert sum(name.startswith("eval/gradient_") for name in last) > 3
    assert arch != "simple" or list((result.dir / "media").glob("*layers*"))


def test_mixtures_of_classes_and_parts_of_batches_train(train) -> None:
    for arch in ("simple", "googlenet"):
        result = train(arch=arch, augment={"mixup": 0.2}, grad_accum_steps=2, budget=32)
        assert result.state == "finished"


# -- what comes after training


def test_image_files_of_any_size_are_named(train, cli, tmp_path) -> None:
    result = train(budget=1_500, eval_every=500, lr=0.01)
    for number in range(3):
        picture = Image.new("RGB", (40, 40), (40, 40, 40))
        picture.paste((200, 200, 200), (0, 13 * number, 40, 13 * number + 13))
        picture.save(tmp_path / f"bar{number}.png")
    files = [str(tmp_path / f"bar{number}.png") for number in range(3)]
    completed = cli("predict", result.dir, *files, "--top", 1, "--csv")
    assert completed.exit_code == 0, completed.output
    for number, line in enumerate(completed.output.splitlines()[1:]):
        assert line.startswith(f"{files[number]},bar{number},")
    refused = cli("predict", result.dir, tmp_path / "none.png")
    assert refused.exit_code == 2
    assert "cannot be read: No such file" in refused.output


@pytest.mark.parametrize(
    ("arch", "to"),
    [
        ("simple", "safetensors"),
        ("googlenet", "safetensors"),
        ("simple", "torchexport"),
        ("simple", "onnx"),
    ],
)
def test_an_exported_network_answers_the_same(train, cli, tmp_path, arch, to) -> None:
    if to == "onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    result = train(arch=arch, budget=16, ema=0.5)
    out = tmp_path / "net"
    completed = cli("export", result.dir, "--to", to, "--out", out)
    assert completed.exit_code == 0, completed.output
    assert Path(completed.stdout.strip()) == out
    if to == "safetensors":
        from safetensors.torch import load_file

        own, read = lab.load(result.dir).net.state_dict(), load_file(out)
        assert own.keys() == read.keys()
        assert all(torch.equal(value, read[name]) for name, value in own.items())


# -- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "rows"}, "needs images and their classes; rows is table data to classify"),
        ({"arch": "resnet19"}, "did you mean 'resnet"),
        ({"arch": "lenet5", "width": 2}, "lenet5 has no --width; capsnet_baseline, resnet8, "),
        ({"arch": "resnet20", "dropout": 0.5}, "resnet20 has no --dropout"),
        ({"arch": "resnet20", "pool": "max"}, "resnet20 has no --pool"),
        ({"arch": "resnet18", "pool": "max"}, "uses pool in its full stem only"),
        ({"arch": "vgg11", "aux": "off"}, "vgg11 has no --aux; googlenet have"),
        ({"arch": "resnet20", "stem": "full"}, "resnet20 has no --stem"),
        ({"arch": "alexnet", "stem": "full"}, "alexnet with its full stem needs pictures of"),
        ({"data_args": {"side": 6}}, "simple needs pictures of at least 8 x 8 pixels"),
        ({"width": 0}, "--width 0: should be greater than 0"),
    ],
)
def test_what_cannot_be_built_is_a_plain_message(train, options, message) -> None:
    with pytest.raises(lab.UsageError) as error:
        train(**options)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) <= 2


def test_a_preset_is_for_the_architecture_that_it_was_tuned_for() -> None:
    spec = discover().experiment("cnn")

    def chosen(**flags: object) -> str | None:
        return resolve(spec, flags).preset

    assert chosen(data="shapes", task="segment") == "shapes-segment"
    assert chosen(data="shapes", task="segment", arch="resnet18") is None
    assert chosen(data="shapes", task="segment", model="file.py:Net") is None
    assert chosen(data="digits", arch="simple") == "digits-simple"
    assert chosen(data="digits", model="file.py:Net") is None
