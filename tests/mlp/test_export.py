"""`lab export` writes what other software reads, with the same outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

import lab

OPTIONS: dict[str, Any] = {"norm": True, "dropout": 0.2, "ema": 0.9}


def trained(train, data: str = "digits", **options):
    """Return a short run's experiment, inputs as the source has them [B, ...], and its answers."""
    result = train(data, **{"hidden": (16,), "budget": 640, "name": "it", **options})
    loaded = lab.load(result.dir)
    inputs = loaded.example(11)
    return loaded, inputs, torch.from_numpy(loaded.predict(inputs))


def test_weights_fit_a_network_that_is_built_by_hand(train, cli) -> None:
    _, inputs, expected = trained(train, **OPTIONS)
    done = cli("export", "it", "--to", "safetensors")
    assert done.exit_code == 0, done.output
    path = Path(done.stdout.strip())
    assert path.resolve() == Path("runs/it/model.safetensors").resolve()
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(),
        nn.Linear(16, 10),
    )  # fmt: skip
    net.load_state_dict(load_file(path))
    with safe_open(path, "pt") as file:
        preparation = json.loads(file.metadata()["preparation"])
    mean, std = (torch.tensor(preparation[name]).view(-1, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        outputs = net.eval()((inputs / 255 - mean) / std)
    assert torch.allclose(outputs.softmax(1), expected, atol=1e-5)


def test_a_program_of_torch_takes_batches_of_any_size(train, cli, tmp_path) -> None:
    _, inputs, expected = trained(train, **OPTIONS)
    done = cli("export", "it", "--to", "torchexport", "--out", tmp_path / "net.pt2")
    assert done.exit_code == 0, done.output
    program = torch.export.load(tmp_path / "net.pt2").module()
    for size in (1, 4, 11):
        assert torch.allclose(program(inputs[:size]), expected[:size], atol=1e-6)


@pytest.mark.parametrize("options", [OPTIONS, {"arch": "perceptron", "hidden": (256, 256)}])
def test_onnx_gives_the_same_outputs(train, cli, options) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    _, inputs, expected = trained(train, **options)
    done = cli("export", "it")
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 1  # torch's own talk is kept back
    session = runtime.InferenceSession(done.stdout.strip(), providers=["CPUExecutionProvider"])
    for size in (1, 4, 11):
        (outputs,) = session.run(None, {"inputs": inputs[:size].numpy()})
        assert torch.allclose(torch.from_numpy(outputs), expected[:size], atol=1e-5)


def test_without_the_libraries_of_onnx_the_extra_is_named(train, cli, monkeypatch) -> None:
    import sys

    trained(train)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    done = cli("export", "it", "--to", "onnx")
    assert done.exit_code == 2
    assert "pip install 'rl-gen-lab[export]'" in done.stderr


def test_values_come_in_their_own_unit(train, cli) -> None:
    _, inputs, expected = trained(train, "diabetes")
    done = cli("export", "it", "--to", "torchexport")
    assert done.exit_code == 0, done.output
    answers = torch.export.load(done.stdout.strip()).module()(inputs.double())
    assert torch.allclose(answers, expected, rtol=1e-5)


def test_a_program_of_torch_holds_what_its_answers_mean(train, cli) -> None:
    trained(train, "iris")
    written = {"classes": "", "columns": "", "inputs": ""}
    program = cli("export", "it", "--to", "torchexport").stdout.strip()
    torch.export.load(program, extra_files=written)
    facts = {name: json.loads(text) for name, text in written.items()}
    assert facts["classes"] == ["setosa", "versicolor", "virginica"]
    column = {"name": "sepal length (cm)", "type": "number", "categories": [], "form": ""}
    assert facts["columns"][0] == column
    assert facts["inputs"] == {"shape": ["batch", 4], "dtype": "float64"}


def test_the_experiment_is_as_before(train) -> None:
    from lab.capabilities import Export

    loaded, inputs, expected = trained(train)
    loaded.net.train()
    loaded.export_command(Export(to="torchexport"))
    assert loaded.net.training
    loaded.net.eval()
    assert torch.equal(torch.from_numpy(loaded.predict(inputs)), expected)


def test_what_cannot_be_written_is_a_plain_line(train, cli, tmp_path) -> None:
    trained(train)
    (tmp_path / "file").write_text("")
    (tmp_path / "serve.py").write_text("print('mine')")
    for words, code, message in (
        (["--to", "tensorflow"], 2, "--to"),
        (["--out", tmp_path / "file" / "model"], 2, f"{tmp_path / 'file'} is a file, not a folder"),
        (["--out", tmp_path / "new" / "model"], 2, f"there is no folder {tmp_path / 'new'}"),
        (["--out", tmp_path], 2, "is a folder: name a file in it"),
        (["--out", tmp_path / "net.pt2"], 2, "is a name for torchexport: say --to torchexport"),
        (["--out", tmp_path / "net.onnx"], 2, "serve.py is another script"),
    ):
        done = cli("export", "it", *words)
        assert done.exit_code == code, done.output
        assert message in done.stderr
        assert "Traceback" not in done.output
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "serve.py").read_text() == "print('mine')"


def test_a_network_that_cannot_be_exported_is_a_plain_line(train, cli, tmp_path) -> None:
    import sys

    cli("runs")  # moves into the test's folder
    (tmp_path / "stubborn.py").write_text(
        "from torch import nn\n\nclass Net(nn.Linear):\n"
        "    def __init__(self, inputs, outputs):\n        super().__init__(inputs, outputs)\n\n"
        "    def forward(self, x):\n"
        "        y = super().forward(x)\n"
        "        return y if float(y.sum()) > 0 else y * 1\n"
    )
    before = list(sys.path)
    try:
        train("iris", model="stubborn.py:Net", budget=64, name="it")
        done = cli("export", "it", "--to", "torchexport")
        assert done.exit_code == 1, done.output
        assert "cannot be written as torchexport" in done.stderr
        assert len(done.stderr.strip().splitlines()) <= 2
    finally:
        sys.path[:] = before
        sys.modules.pop("stubborn", None)
