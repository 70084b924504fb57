"""A run begins with somebody's weights, and what is frozen stays to the bit."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from helpers import difference
from safetensors.torch import save_file
from torch import Tensor

import lab
from lab_cnn.model import build


def weights_of(folder: Path, which: str = "last") -> dict[str, Tensor]:
    state = torch.load(folder / "checkpoints" / f"{which}.pt", weights_only=True)
    return dict(state["experiment"]["model"])


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Return the names, parameters and buffers alike, whose value is another one."""
    return {name for name in after if not torch.equal(after[name], before[name])}


def trained_names(folder: Path) -> set[str]:
    """Return the parameters that the optimizer of a restored run holds."""
    experiment = lab.load(folder)
    held = {id(p) for group in experiment.updater.optimizer.param_groups for p in group["params"]}
    names = dict(experiment.net.named_parameters())
    assert all(p.requires_grad == (id(p) in held) for p in names.values())
    return {name for name, p in names.items() if id(p) in held}


@pytest.fixture
def origin(train) -> Path:
    return train("origin", seed=7).dir


def test_everything_learns_from_the_weights_of_a_run(train, origin) -> None:
    result = train("all", init_from="origin", lr=1e-12)
    before, after = weights_of(origin, "best"), weights_of(result.dir)
    for name in trained_names(result.dir):
        assert torch.allclose(after[name], before[name], atol=1e-9), name
    assert "features.1.running_mean" in moved(before, after)
    assert trained_names(result.dir) == set(dict(lab.load(origin).net.named_parameters()))


@pytest.mark.parametrize(
    ("transfer", "learning"),
    [
        ("new-head", {"classifier.1"}),
        ("last-1", {"classifier.1"}),
        ("last-2", {"classifier.1", "features.8", "features.9"}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"ema": 0.9, "weight_decay": 0.1}], ids=["", "ema"])
def test_what_is_frozen_is_equal_to_the_bit_and_the_rest_learns(
    train, origin, transfer, learning, options
) -> None:
    result = train("moved", init_from=str(origin), transfer=transfer, **options)
    before = weights_of(origin, "best")
    assert {name.rpartition(".")[0] for name in trained_names(result.dir)} == learning
    for state in (weights_of(result.dir), weights_of(result.dir, "best")):
        layers = {name.rpartition(".")[0] for name in moved(before, state)}
        assert layers <= learning
    last = torch.load(result.dir / "checkpoints" / "last.pt", weights_only=True)["experiment"]
    layers = {name.rpartition(".")[0] for name in moved(before, last.get("weights", last["model"]))}
    assert layers == learning


def test_a_new_head_is_new_even_where_the_classes_are_the_same(train, origin) -> None:
    result = train("new", init_from="origin", transfer="new-head", lr=1e-12)
    before, after = weights_of(origin, "best"), weights_of(result.dir)
    assert not torch.allclose(after["classifier.1.weight"], before["classifier.1.weight"], atol=0.1)


def test_an_appended_layer_alone_learns_and_the_old_head_stays(train, origin) -> None:
    options = {"data_args": {"kinds": 2}, "transfer": "append-head"}
    result = train("appended", init_from="origin", **options)
    before, after = weights_of(origin, "best"), weights_of(result.dir)
    for name, value in before.items():
        assert torch.equal(after[f"network.{name}"], value)
    assert trained_names(result.dir) == {"appended.weight", "appended.bias"}
    assert after["appended.weight"].shape == (2, 3)


def test_another_number_of_classes_gets_a_new_head_on_the_old_features(train, origin) -> None:
    result = train("fewer", init_from="origin", data_args={"kinds": 2}, transfer="last-1")
    before, after = weights_of(origin, "best"), weights_of(result.dir)
    assert after["classifier.1.weight"].shape == (2, 32)
    assert torch.equal(after["features.8.weight"], before["features.8.weight"])
    assert trained_names(result.dir) == {"classifier.1.weight", "classifier.1.bias"}


@pytest.mark.parametrize("transfer", ["last-2", "append-head"])
def test_resume_and_prediction_do_not_need_the_origin(train, origin, tmp_path, transfer) -> None:
    options = {"init_from": "origin", "transfer": transfer, "eval_every": 32, "ema": 0.5}
    options |= {"data_args": {"kinds": 2}, "batch_size": 16}
    uninterrupted = train("whole", budget=128, **options)
    part = train("part", budget=64, **options)
    shutil.rmtree(origin)
    resumed = lab.resume(part.dir, budget=128)
    assert resumed.state == "finished"
    assert difference(weights_of(resumed.dir), weights_of(uninterrupted.dir)) is None
    answers = lab.load(uninterrupted.dir).predict(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
    assert answers.shape == (2, 2)
    lab.evaluate(uninterrupted.dir)


def test_torchvisions_names_load_without_counts_and_under_old_names(train, tmp_path) -> None:
    """As the published files: no counts of batches, other classes, DenseNet's old names."""
    for arch in ("resnet18", "densenet121"):
        net = build(arch, channels=1, size=(8, 8), classes=1000)
        state = {n: v for n, v in net.state_dict().items() if "num_batches" not in n}
        if arch == "densenet121":
            for old, new in (("norm.1", "norm1"), ("conv.1", "conv1"), ("norm.2", "norm2")):
                state = {n.replace(f".{new}.", f".{old}."): v for n, v in state.items()}
        torch.save(state, tmp_path / f"{arch}.pth")
        result = train(
            arch, arch=arch, init_from=str(tmp_path / f"{arch}.pth"), transfer="new-head", budget=16
        )
        after, own = weights_of(result.dir), net.state_dict()
        head = "fc" if arch == "resnet18" else "classifier"
        assert moved(own, {n: v for n, v in after.items() if not n.startswith(head)}) == set()
        assert after[f"{head}.weight"].shape[0] == 3


def test_googlenets_auxiliary_heads_are_optional(train, tmp_path) -> None:
    """Weights with them serve a network without, and the other way round; new ones learn."""
    states = {
        aux: build("googlenet", channels=1, size=(8, 8), classes=3, aux=aux).state_dict()
        for aux in (True, False)
    }
    for aux, state in states.items():
        save_file(state, tmp_path / f"{aux}.safetensors")
    fixed = {"arch": "googlenet", "budget": 16, "transfer": "last-1"}
    without = train("without", init_from=str(tmp_path / "True.safetensors"), aux="off", **fixed)
    assert trained_names(without.dir) == {"fc.weight", "fc.bias"}
    with_aux = train("with", init_from=str(tmp_path / "False.safetensors"), **fixed)
    assert {name.split(".")[0] for name in trained_names(with_aux.dir)} == {"fc", "aux1", "aux2"}
    appended = train(
        "appended",
        init_from=str(tmp_path / "True.safetensors"),
        **{**fixed, "transfer": "append-head"},
    )
    assert trained_names(appended.dir) == {"appended.weight", "appended.bias"}


def test_weights_come_from_safetensors_and_from_checkpoints(train, origin, tmp_path) -> None:
    save_file(weights_of(origin, "best"), tmp_path / "w.safetensors")
    torch.save({"epoch": 3, "state_dict": weights_of(origin, "best")}, tmp_path / "w.pt")
    places = (tmp_path / "w.safetensors", tmp_path / "w.pt", origin / "checkpoints" / "best.pt")
    weights = [weights_of(train(init_from=str(place)).dir) for place in places]
    assert difference(weights[0], weights[1]) is None
    assert difference(weights[0], weights[2]) is None


# -- mistakes


def refused(train, **options) -> str:
    with pytest.raises(lab.UsageError) as error:
        train(**options)
    text = str(error.value)
    assert len(text.splitlines()) <= 2
    return text


def test_a_wrong_architecture_is_told_by_what_does_not_fit(train, origin, tmp_path) -> None:
    text = refused(train, init_from="origin", arch="resnet20", width=0.25)
    assert "have no" in text
    assert "another architecture" in text
    text = refused(train, init_from="origin", width=0.5)
    assert "is [8, 1, 5, 5] there and [16, 1, 5, 5] here" in text
    for arch in ("resnet34", "resnet18"):
        net = build(arch, channels=1, size=(8, 8), classes=3)
        torch.save(net.state_dict(), tmp_path / f"{arch}.pt")
    text = refused(train, init_from=str(tmp_path / "resnet34.pt"), arch="resnet18")
    assert "the network has no 'layer" in text
    text = refused(train, init_from=str(tmp_path / "resnet18.pt"), arch="resnet34")
    assert "the weights have no 'layer" in text
    assert not list((tmp_path / "runs").glob("cnn-resnet*"))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_malicious_pickle_is_not_executed(train, tmp_path) -> None:
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    with (tmp_path / "bomb.pt").open("wb") as file:
        pickle.dump(Bomb(), file)
    torch.save({"state_dict": {"fc.weight": Bomb()}}, tmp_path / "bomb2.pt")
    for name in ("bomb.pt", "bomb2.pt"):
        assert "cannot be read as weights" in refused(train, init_from=str(tmp_path / name))
    assert not (tmp_path / "exploded").exists()


def test_broken_files_and_what_is_no_weights_are_plain_messages(train, origin, tmp_path) -> None:
    data = (origin / "checkpoints" / "best.pt").read_bytes()
    broken = {
        "torn.pt": data[: len(data) // 2],
        "noise.pt": os.urandom(999),
        "empty.pt": b"",
        "noise.safetensors": b"\x08" + os.urandom(99),
        "text.pth": b"hello, I am no network\n" * 9,
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        text = refused(train, init_from=str(tmp_path / name))
        assert "cannot be read as weights" in text, name
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({}, tmp_path / "nothing.pt")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    for name in ("list.pt", "nothing.pt", "tensor.pt"):
        assert "no tensors by name" in refused(train, init_from=str(tmp_path / name))
    assert "There is no run 'orogin'" in refused(train, init_from="orogin")
    shutil.rmtree(origin / "checkpoints")
    assert "no best checkpoint" in refused(train, init_from="origin")


def test_impossible_transfers_are_plain_messages(train, origin) -> None:
    assert "--transfer is all, last-K" in refused(train, init_from="origin", transfer="last-0")
    assert "needs --init-from" in refused(train, transfer="new-head")
    assert "has 4 stages" in refused(train, init_from="origin", transfer="last-9")
