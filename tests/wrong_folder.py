"""Make a folder of what can be wrong: files, runs, plugins, each by a name that says how."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

TABLES: dict[str, str | bytes] = {
    "empty.csv": "",
    "blank.csv": "\n\n\n",
    "header.csv": "a,b,label\n",
    "one-row.csv": "a,b,label\n1,2,x\n",
    "one-column.csv": "label\nx\ny\nx\n",
    "one-class.csv": "a,label\n" + "".join(f"{i},x\n" for i in range(40)),
    "ragged.csv": "a,b,label\n1,2,x\n1,2,3,4,5\n",
    "twice.csv": "a,a,label\n1,2,x\n3,4,y\n",
    "word-among-numbers.csv": "a,label\n" + "".join(f"{i},x\n{i},y\n" for i in range(40)) + "q,x\n",
    "latin.csv": "größe,label\n1,x\n2,y\n".encode("latin-1"),
    "binary.csv": bytes(range(256)) * 20,
    "good.csv": "a,b,label\n" + "".join(f"{i},{-i},x\n{i}.5,{i},y\n" for i in range(40)),
    "binary.parquet": b"PAR1" + bytes(range(256)),
    "empty.parquet": b"",
    "empty.txt": "",
}
CONFIGS: dict[str, str | bytes] = {
    "empty.yaml": "",
    "list.yaml": "- lr\n- 0.1\n",
    "number.yaml": "7\n",
    "broken.yaml": "lr: [0.1\n",
    "tab.yaml": "lr:\n\t- 1\n",
    "broken.json": '{"lr": 0.1,,}',
    "binary.yaml": bytes(range(256)),
    "latin.yaml": "name: größe\n".encode("latin-1"),
    "unknown.yaml": "lrr: 0.1\n",
    "type.yaml": "lr: fast\nbudget: [1, 2]\n",
    "null.yaml": "lr: null\n",
    "tag.yaml": "lr: !!python/object/apply:os.getcwd []\n",
}
PLUGINS: dict[str, str | bytes] = {
    "syntax_fault.py": "def lab_experiments(:\n",
    "raises_fault.py": "raise RuntimeError('out of order')\n",
    "exits_fault.py": "import sys\nsys.exit(3)\n",
    "import_fault.py": "import a_module_that_is_not_there\n",
    "name_fault.py": "import lab\nnope = lab.nothing_of_this_name\n",
    "empty_fault.py": "",
    "yields_fault.py": "import lab\n@lab.hookimpl\ndef lab_experiments():\n    yield 7\n",
    "spec_fault.py": (
        "import lab\n@lab.hookimpl\ndef lab_experiments():\n"
        "    yield lab.ExperimentSpec('x', 'X', config='gone:C', experiment='gone:E')\n"
    ),
    "not-a-module.py": "import lab\n",
    "json.py": "import lab\n",
    "binary_fault.py": bytes(range(256)),
    "net_fault.py": "from torch import nn\nclass Net(nn.Module):\n    pass\n",
}
PICTURES: dict[str, str | bytes] = {
    f"broken-images/{label}/{number}.png": "no picture"
    for label in ("cat", "dog")
    for number in range(3)
}


def make(folder: Path, run: Path, words: str) -> None:
    """Fill a folder with files, and with runs: `one`, a copy of `run`, and those damaged copies
    whose names stand in `words`."""
    for name, content in {**TABLES, **CONFIGS, **PLUGINS, **PICTURES}.items():
        write(folder / name, content)
    for name in ("folder", "folder.csv", "folder.yaml", "empty-images"):
        (folder / name).mkdir()
    for name in ("loop.csv", "loop.yaml"):
        (folder / name).symlink_to(name)  # nobody can open it, whatever they may
    shutil.copytree(run, folder / "runs" / "one")
    for name in set(words.split()) & set(DAMAGES):
        shutil.copytree(run, folder / "runs" / name)
        DAMAGES[name](folder / "runs" / name)


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def changed(**changes: object) -> Callable[[Path], None]:
    """Return a damage that puts other values into config.yaml; None takes a key out."""

    def damage(run: Path) -> None:
        record = {**yaml.safe_load((run / "config.yaml").read_text()), **changes}
        kept = {key: value for key, value in record.items() if value is not None}
        (run / "config.yaml").write_text(yaml.safe_dump(kept))

    return damage


def option(**changes: object) -> Callable[[Path], None]:
    """Return a damage that puts other options of the experiment into config.yaml."""

    def damage(run: Path) -> None:
        record = yaml.safe_load((run / "config.yaml").read_text())
        changed(config={**record["config"], **changes})(run)

    return damage


def written(file: str, content: str | bytes) -> Callable[[Path], None]:
    return lambda run: write(run / file, content)


def removed(file: str) -> Callable[[Path], None]:
    return lambda run: (run / file).unlink()


def torn(run: Path) -> None:
    for checkpoint in (run / "checkpoints").glob("*.pt"):
        checkpoint.write_bytes(checkpoint.read_bytes()[:100])


def state(word: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        summary = json.loads((run / "summary.json").read_text())
        (run / "summary.json").write_text(json.dumps({**summary, "state": word}))

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no-config": removed("config.yaml"),
    "empty-config": written("config.yaml", ""),
    "broken-config": written("config.yaml", "experiment: [mlp\n"),
    "binary-config": written("config.yaml", bytes(range(256))),
    "list-config": written("config.yaml", "- experiment\n"),
    "bare-config": written("config.yaml", "experiment: mlp\n"),
    "odd-config": changed(config=[1, 2]),
    "odd-runner": changed(run="fast"),
    "no-decided": changed(decided=None),
    "alien": changed(experiment="perceptronium", plugin="perceptronium"),
    "foreign": changed(experiment="mlp", plugin="no-such-distribution:mlp"),
    "bad-value": option(lr=-1),
    "old-option": option(learning_rate=0.1),
    "no-summary": removed("summary.json"),
    "broken-summary": written("summary.json", '{"state": "fin'),
    "list-summary": written("summary.json", "[]"),
    "half-summary": written("summary.json", '{"state": "finished"}'),
    "no-metrics": removed("metrics.jsonl"),
    "broken-metrics": written("metrics.jsonl", '{"clock": 0\nnonsense\n'),
    "broken-data": written("data.json", "{"),
    "list-data": written("data.json", "[1]"),
    "no-checkpoints": lambda run: shutil.rmtree(run / "checkpoints"),
    "torn": torn,
    "pickle": written("checkpoints/best.pt", b"\x80\x04N."),
    "empty-checkpoint": written("checkpoints/best.pt", b""),
    "crashed": state("running"),
    "failed": state("failed"),
}
