"""What `lab export` writes answers as the network does, and is enough to draw samples with."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor

import lab
from lab.capabilities import Export
from lab.engine import checkpoint

VARIANTS: dict[str, dict[str, Any]] = {
    "points": {},
    "images by class": {"data": "digits", "conditional": True, "patch": 3},
    "sequences": {"data": "waves", "prediction": "epsilon"},
}


def exported(run: Any, path: Any) -> tuple[Any, dict[str, Any]]:
    files = dict.fromkeys(("inputs", "outputs", "classes"), "")
    run.export_command(Export(to="torchexport", out=path))
    program = torch.export.load(path, extra_files=files)
    return program.module(), {name: json.loads(text) for name, text in files.items()}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_the_exported_network_answers_the_same(train, tmp_path, options) -> None:
    run = lab.load(train(**options, lr=1e-2).dir)
    model, facts = exported(run, tmp_path / "model.pt2")
    x, time = torch.randn(5, *run.info.shape), torch.tensor([0.001, 0.2, 0.5, 0.9, 1.0])
    classes = (torch.tensor([0, 3, 9, 10, 10]),) if run.config.conditional else ()
    with run.updater.averaged(), torch.no_grad():
        expected = run.net(x, time, *classes)
    assert expected.abs().max() > 0.05
    assert torch.allclose(model(x, time, *classes), expected, atol=1e-5)
    answers = {"v": "v", "epsilon": "noise"}[run.config.prediction]
    assert facts["outputs"] == answers
    assert facts["inputs"] == {"shape": ["batch", *run.info.shape], "dtype": "float32"}


def test_an_exported_flow_draws_the_samples_of_the_run(train, tmp_path) -> None:
    result = train(method="flow", lr=1e-2, steps=4)
    run = lab.load(result.dir)
    state = checkpoint.load(result.dir / "checkpoints" / "last.pt")["experiment"]
    run.load_state_dict(state)  # weights, and beside them their averages
    velocity, facts = exported(run, tmp_path / "model.pt2")
    x = noise = torch.randn(6, 2)
    for time in (1.0, 0.75, 0.5, 0.25):  # Euler's method, as the page on this family has it
        x = x - velocity(x, torch.full((6,), time)) / 4
    points = x * torch.tensor(run.info.std) + torch.tensor(run.info.mean)
    with run.updater.averaged():
        drawn: Tensor = run.sampler.from_noise(noise, None, run.sampler.how())
    assert torch.allclose(points.float(), drawn, atol=1e-5)
    assert facts["outputs"] == "velocity"


def test_onnx_takes_any_number_of_examples(train, tmp_path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    run = lab.load(train(conditional=True, lr=1e-2).dir)
    path = run.export_command(Export(to="onnx", out=tmp_path / "model.onnx"))
    x, time, classes = torch.randn(7, 2), torch.rand(7), torch.arange(7)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    words = {"noised": x.numpy(), "time": time.numpy(), "classes": classes.numpy()}
    with run.updater.averaged(), torch.no_grad():
        expected = run.net(x, time, classes)
    assert torch.allclose(torch.from_numpy(session.run(None, words)[0]), expected, atol=1e-5)
