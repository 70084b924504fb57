"""Two hundred mistakes: each is answered in a few plain lines that say what to do next.

A row is a command, what is wrong with it, and what the message says of that. Words in capitals
before a command are environment variables. `wrong_folder.py` makes the files and runs that are
named: each has a name that says what is wrong with it.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import wrong_folder
from click.testing import CliRunner, Result

from lab.cli import main
from lab.plugins import DISABLE

LINES = 4  # of an error, at most
LONG = "x" * 300
TRAIN = "run mlp --data iris --hidden 4 --budget 104 --eval-every 104 --no-media"

WHOLE = "should be a whole number"
NO_RUN = "There is no run 'nothing' in runs"
NOT_A_RUN = "is not a run folder: it holds no config.yaml"
NO_MAPPING = "must hold a mapping of option names to values"
NO_YAML = "is not YAML"
TWO_EXAMPLES = "too few: none is left to train"
DAMAGED = "is damaged: its checksum fails. Another may be intact: try --checkpoint last"
NO_CONDITION = "is no condition. Write KEY=VALUE"
NO_EXPERIMENT = "`lab plugins` lists what there is"
NOT_WHOLE = "is not whole: it has no options under"

MISTAKES = [  # exit code 2: the person can mend the command
    # lab itself
    ("nonsense", "no command", "There is no command 'nonsense'"),
    ("rnu", "a slip", "Did you mean 'run'?"),
    ("--versoin", "no option", "Did you mean '--version'?"),
    ("--no-plugin zzz runs", "no plugin", "there is no plugin 'zzz'"),
    ("--no-plugin sourcse runs", "a slip", "Did you mean 'sources'?"),
    ("--no-plugin mlp run mlp", "left out", "There is no experiment 'mlp'"),
    # lab run: what is trained
    ("run mpl", "a slip", "Did you mean 'mlp'?"),
    ("run folder", "a folder", NO_EXPERIMENT),
    ("run good.csv", "a table", NO_EXPERIMENT),
    ("run rl-gen-lab:nothing", "not in the distribution", NO_EXPERIMENT),
    ("run nowhere:mlp", "no distribution", NO_EXPERIMENT),
    ("run nowhere.py", "no file", "There is no file"),
    ("run syntax_fault.py", "no Python", "cannot be loaded: SyntaxError"),
    ("run binary_fault.py", "bytes", "cannot be loaded: SyntaxError"),
    ("run raises_fault.py", "raises", "cannot be loaded: RuntimeError: out of order"),
    ("run exits_fault.py", "exits", "cannot be loaded: SystemExit: 3"),
    ("run import_fault.py", "imports nothing", "No module named 'a_module_that_is_not_there'"),
    ("run name_fault.py", "a wrong name", "has no attribute 'nothing_of_this_name'"),
    ("run empty_fault.py", "empty", "offers nothing: it has no lab_experiments"),
    ("run yields_fault.py", "offers a number", "yielded a int, not a ExperimentSpec"),
    ("run spec_fault.py", "names no module", "names the module 'gone' in its spec"),
    ("run not-a-module.py", "a name with dashes", "rename the file"),
    ("run json.py", "the name of another module", "rename the file"),
    # lab run: options
    ("run mlp stray", "one too many", "unexpected extra argument (stray)"),
    ("run mlp --lrr 1", "no option", "There is no option --lrr. Did you mean '--lr'?"),
    ("run mlp -lr 1", "one dash", "There is no option -lr. Did you mean '--lr'?"),
    ("run mlp --lr", "no value", "Option '--lr' requires an argument"),
    ("run mlp --lr fast", "a word", "--lr fast: should be a number"),
    ("run mlp --lr -1", "below 0", "--lr -1: should be greater than 0"),
    ("run mlp --lr 0", "0", "--lr 0: should be greater than 0"),
    ("run mlp --lr nan", "not a number", "--lr nan: should be greater than 0"),
    ("run mlp --lr inf", "infinite", "--lr inf: should be a finite number"),
    ("run mlp --budget 0", "nothing to do", "--budget 0: should be greater than or equal to 1"),
    ("run mlp --budget -5", "below 0", "--budget -5: should be greater than"),
    ("run mlp --budget 1.5", "a fraction", f"--budget 1.5: {WHOLE}"),
    ("run mlp --budget 1e-3", "a fraction", f"--budget 1e-3: {WHOLE}"),
    ("run mlp --budget 10q", "no unit", f"--budget 10q: {WHOLE}"),
    ("run mlp --budget 1e30", "too large", "should be at most 9223372036854775807"),
    ("run mlp --budget ''", "empty", f"--budget '': {WHOLE}"),
    ("run mlp --eval-every 0", "0", "--eval-every 0: should be greater than"),
    ("run mlp --log-every x", "a word", f"--log-every x: {WHOLE}"),
    ("run mlp --checkpoint-every -1", "below 0", "--checkpoint-every -1: should be greater"),
    ("run mlp --keep-checkpoints -1", "below 0", "--keep-checkpoints -1: should be greater"),
    ("run mlp --seed -1", "below 0", "--seed -1: should be greater"),
    ("run mlp --seed 99999999999", "too large", "should be less than or equal to 2147483647"),
    ("run mlp --threads 0", "none", "--threads 0: should be greater"),
    ("run mlp --threads 5000", "too many", "should be less than or equal to 1024"),
    ("run mlp --device gpu", "no device", "there is no device 'gpu' here. There is: cpu"),
    ("run mlp --device ''", "empty", "--device '': must not be empty"),
    ("run mlp --precision fp64", "unknown", "should be 'fp32', 'bf16' or 'fp16'"),
    ("run mlp --stop-at fast", "no goal", "Write a criterion: --stop-at 'eval/accuracy>=...'"),
    ("run mlp --stop-at eval/accuracy", "half of one", "is no criterion. Write"),
    ("run mlp --stop-at eval/acc>0.9", "no metric", "Did you mean 'eval/accuracy'?"),
    ("run mlp --stop-at eval/accuracy>=high", "no number", "is no criterion. Write"),
    ("run mlp --stop-at test/accuracy>0.5", "of test", "is no criterion. Write 'eval/"),
    ("run mlp --stop-at ''", "empty", "--stop-at '': must not be empty"),
    ("run mlp --name a/b", "a path", "must name one folder"),
    ("run mlp --name ..", "dots", "must name one folder"),
    ("run mlp --name ''", "empty", "must name one folder"),
    ("run mlp --name one", "taken", "Choose another --name, or continue it: lab resume runs/one"),
    (f"run mlp --name {LONG}", "too long", "has at most 200 bytes"),
    ("run mlp --name 'a\nb'", "two lines", "must be printable text on one line"),
    ("run mlp --group ''", "empty", "--group '': must not be empty"),
    ("run mlp --preset nope", "unknown", "It has: tiny"),
    ("run mlp --preset ''", "empty", "mlp has no preset ''"),
    ("run mlp --seeds 0", "none", "0 is not in the range x>=1"),
    ("run mlp --seeds 2 --name two", "one name for two", "with --seeds give a --group"),
    ("run mlp --jobs 2", "of one run", "it needs --seeds"),
    ("run mlp --wandb maybe", "unknown", "should be 'auto', 'online', 'offline' or 'disabled'"),
    ("run mlp --hidden 8,0", "no units", "a layer has one unit or more"),
    ("run mlp --hidden many", "a word", f"--hidden many: {WHOLE}"),
    ("run mlp --optimizer lion", "unknown", "should be 'sgd', 'rmsprop'"),
    ("run mlp --nesterov", "without momentum", "needs --optimizer sgd with a --momentum above 0"),
    ("run mlp --momentum 1", "too large", "should be less than 1"),
    ("run mlp --norm --batch-size 1", "too few", "needs two examples or more"),
    ("run mlp --model nowhere.py:Net", "no file", "There is no file"),
    ("run mlp --model net_fault.py", "no name", "write file.py:Name or module:Name"),
    ("run mlp --model net_fault.py:Nut", "a slip", "Did you mean 'Net'?"),
    ("run mlp --model syntax_fault.py:Net", "no Python", "cannot be loaded: SyntaxError"),
    ("run mlp --model good.csv:Net", "no module", "cannot be imported: ModuleNotFoundError"),
    ("run cnn --arch resnet999", "unknown", "did you mean 'resnet8'?"),
    ("run capsnet --data iris", "a table", "needs images and their classes; iris is table data"),
    ("run capsnet --data digits --kernel 9", "too wide", "Lower --kernel and --primary-kernel"),
    ("run cnn --data iris", "a table", "needs images and their classes; iris is table data"),
    ("run dqn --env Nowhere-v0", "unknown", "Gymnasium knows no such environment"),
    ("run dqn --env nowhere:Env-v0", "no module", "No module named 'nowhere'"),
    ("run dqn --env Pendulum-v1", "continuous actions", "need a Discrete action space"),
    ("run dqn --env-args x=1", "no argument", "got an unexpected keyword argument 'x'"),
    ("run dqn --gamma 2", "too large", "should be less than or equal to 1"),
    ("run pqn --buffer-size 10", "no replay", "There is no option --buffer-size"),
    ("run pqn --q-lambda 2", "too large", "should be less than or equal to 1"),
    ("run pg --algo trpo", "unknown", "should be 'ppo', 'a2c' or 'reinforce'"),
    ("run pg --algo a2c --n-epochs 3", "of ppo", "--algo a2c has no --n-epochs"),
    ("run sb3 --algo pp", "unknown", "should be 'dqn', 'ppo', 'a2c'"),
    ("run gan --loss perfect", "unknown", "should be 'non-saturating', 'minimax'"),
    ("run diffusion --data sentences", "words", "noise is added to numbers: images, tables and"),
    ("run diffusion --method flow --eta 1", "of ddpm", "--eta is for --method ddpm"),
    ("run diffusion --steps 2000", "too many", "--steps 2000 are more than the 1000 --timesteps"),
    ("run diffusion --data diabetes --conditional", "no classes", "needs a class for each"),
    ("run dbn --data waves", "sequences", "RBMs learn from images and tables"),
    ("run rntn --cell cnn", "unknown", "should be 'tensor', 'plain'"),
    ("run rntn --dim 0", "0", "--dim 0: should be greater than or equal to 1"),
    ("run rntn --data digits", "no trees", "this experiment learns from trees"),
    ("run rntn --task segment", "no task of trees", "this experiment can classify, parse"),
    ("run rntn --data trees:nowhere", "no file", "there is no file or folder nowhere"),
    ("run rntn --compile", "no one graph", "each batch of trees computes another graph"),
    ("run baseline --algo guess", "unknown", "should be 'knn', 'svc'"),
    # lab run: files of options, and the environment
    ("run mlp --config nowhere.yaml", "no file", "cannot read nowhere.yaml: No such file"),
    ("run mlp --config folder.yaml", "a folder", "File 'folder.yaml' is a directory"),
    ("run mlp --config loop.yaml", "cannot be opened", "cannot read loop.yaml"),
    ("run mlp --config empty.yaml", "empty", NO_MAPPING),
    ("run mlp --config list.yaml", "a list", NO_MAPPING),
    ("run mlp --config number.yaml", "a number", NO_MAPPING),
    ("run mlp --config good.csv", "a table", NO_MAPPING),
    ("run mlp --config broken.yaml", "no end", NO_YAML),
    ("run mlp --config tab.yaml", "a tabulator", NO_YAML),
    ("run mlp --config broken.json", "two commas", NO_YAML),
    ("run mlp --config binary.yaml", "bytes", NO_YAML),
    ("run mlp --config latin.yaml", "not UTF-8", NO_YAML),
    ("run mlp --config tag.yaml", "calls Python", NO_YAML),
    ("run mlp --config unknown.yaml", "no option", "unknown option 'lrr' in unknown.yaml"),
    ("run mlp --config type.yaml", "wrong types", "--budget [1, 2]: should be a whole number"),
    ("run mlp --config null.yaml", "no value", "--lr None: should be a number"),
    ("LAB_BUDGET=x run mlp", "a word", f"--budget x: {WHOLE}"),
    ("LAB_LR=-1 run mlp", "below 0", "--lr -1: should be greater than 0"),
    ("LAB_MEDIA=perhaps run mlp", "no boolean", "'perhaps' is not a valid boolean"),
    ("LAB_WANDB=maybe run mlp", "unknown", "should be 'auto', 'online'"),
    ("LAB_DATA=digit run mlp", "a slip", "Did you mean 'digits'?"),
    ("LAB_RUNS_DIR=good.csv runs", "a file", "Directory 'good.csv' is a file"),
    ("LAB_DISABLE_PLUGINS=sources run mlp", "left out", "There is no source 'digits'"),
    ("LAB_DISABLE_PLUGINS=rl-gen-lab run mlp", "left out", NO_EXPERIMENT),
    # lab run: data
    ("run mlp --data digit", "a slip", "Did you mean 'digits'?"),
    ("run mlp --data ''", "empty", "names no source. `lab data` lists them"),
    ("run mlp --data good.csv", "a file alone", "Say --data csv:good.csv"),
    ("run mlp --data csv", "no file", "write csv:PATH"),
    ("run mlp --data csv:", "no file", "write csv:PATH"),
    ("run mlp --data csv:nowhere.csv", "no file", "there is no file nowhere.csv"),
    ("run mlp --data csv:folder.csv", "a folder", "is a folder: name one file in it"),
    ("run mlp --data csv:loop.csv", "cannot be opened", "there is no file loop.csv"),
    ("run mlp --data csv:empty.csv", "empty", "is empty: it begins with a line of column names"),
    ("run mlp --data csv:blank.csv", "blank", "is empty"),
    ("run mlp --data csv:header.csv", "no rows", "has column names, but no rows"),
    ("run mlp --data csv:one-row.csv", "one row", f"has 1 example, {TWO_EXAMPLES}"),
    ("run mlp --data csv:one-class.csv", "one class", "one class of label, 'x'"),
    ("run baseline --data csv:one-class.csv", "one class", "one class of label, 'x'"),
    ("run mlp --data csv:one-column.csv", "no features", "no column is left to learn from"),
    (
        "run mlp --data csv:ragged.csv",
        "too many cells",
        "line 3 has 5 fields, and those before it 3",
    ),
    (
        "run mlp --data csv:word-among-numbers.csv",
        "a word",
        "say that it is missing: --data-args na=q",
    ),
    ("run mlp --data csv:latin.csv", "not UTF-8", "encoding=latin-1 reads 'größe,label'"),
    ("run mlp --data csv:binary.csv", "bytes", "is not UTF-8"),
    ("run mlp --data csv:good.csv --data-args target=c", "no column", "It has: a, b, label"),
    ("run mlp --data csv:good.csv --data-args trget=a", "a slip", "Did you mean 'target'?"),
    ("run mlp --data csv:good.csv --data-args drop=c", "no column", "It has: a, b, label"),
    ("run mlp --data csv:good.csv --data-args drop=a+b", "all", "no column is left"),
    ("run mlp --data csv:good.csv --data-args encoding=elvish", "none", "unknown encoding: elvish"),
    ("run mlp --data csv:good.csv --data-args delimiter=::", "two", "is not one character, or tab"),
    ("run mlp --data csv:good.csv --data-args decimal=x", "no mark", "should be '', '.' or ','"),
    ("run mlp --data csv:good.csv --data-args target", "no value", "should be key=value,..."),
    ("run mlp --data csv:good.csv --task regress", "texts", "say task=classify"),
    ("run mlp --data csv:good.csv --missing zero", "unknown", "should be 'median', 'mean'"),
    ("run mlp --data parquet:nowhere.parquet", "no file", "there is no file nowhere.parquet"),
    ("run mlp --data parquet:binary.parquet", "bytes", "magic bytes not found"),
    ("run mlp --data parquet:empty.parquet", "empty", "size is 0 bytes"),
    ("run mlp --data parquet:folder", "an empty folder", "is a folder without *.parquet files"),
    ("run cnn --data imagefolder:nowhere", "no folder", "there is no folder nowhere"),
    ("run cnn --data imagefolder:empty-images", "empty", "holds no folder with images"),
    ("run cnn --data imagefolder:broken-images", "no images", "images can be read"),
    ("run mlp --data digits:folder", "an argument", "takes no argument"),
    ("run mlp --data digits --data-args n=3", "no options", "the source digits has no options"),
    ("run mlp --data xor --data-args n=many", "a word", f"xor: --data-args n=many: {WHOLE}"),
    ("run mlp --data xor --data-args n=-5", "below 0", "should be greater than or equal to 4"),
    ("run mlp --data iris --classes unicorn", "unknown", "It has: setosa, versicolor, virginica"),
    ("run mlp --data diabetes --classes 0", "no classes", "has no classes to choose from"),
    ("run mlp --data iris --fold 5", "one of five", "--fold 5: should be less than 5"),
    ("run mlp --data iris --task segment", "no masks", "iris is to classify"),
    ("run mlp --batch-size 0", "none", "--batch-size 0: should be greater"),
    ("run mlp --augment shift", "no amount", "should be key=value,..."),
    ("run mlp --augment blur=2", "unknown", "--augment blur=2: 'blur' is none of shift"),
    ("run mlp --augment flip=2", "no probability", "flip=2 is out of range"),
    ("run mlp --data iris --augment shift=2", "a table", "--augment shift needs images"),
    # lab resume
    ("resume", "no run", "Missing argument 'RUN'"),
    ("resume onne", "a slip", "Did you mean 'one'?"),
    ("resume ''", "empty", "The name of the run is empty"),
    ("resume one", "finished", "To train on, give a larger --budget than 104"),
    ("resume one --budget 10", "less", "trains to 104 anyway; give more"),
    ("resume one --budget x", "a word", f"--budget x: {WHOLE}"),
    ("resume one --lr 1", "fixed", "No such option '--lr'"),
    ("resume one --runs-dir nowhere", "no folder", "There is no run 'one' in nowhere"),
    ("resume no-config", "half written", NOT_A_RUN),
    ("resume alien", "no such experiment", "There is no experiment 'perceptronium'"),
    ("resume foreign", "no such distribution", "no-such-distribution:mlp"),
    ("resume bad-value", "out of range", "--lr -1: should be greater than 0"),
    ("resume folder", "no run", NOT_A_RUN),
    # lab eval
    ("eval nothing", "no run", NO_RUN),
    ("eval one --checkpoint 7", "none", "has no checkpoint '7'; it has: best, last, prev"),
    ("eval one --split train", "not measured", "'train' is not one of 'eval', 'test'"),
    ("eval one --seed -1", "below 0", "-1 is not in the range x>=0"),
    ("eval one --device gpu", "no device", "there is no device 'gpu' here"),
    ("eval no-checkpoints", "none", "has no checkpoint 'best'; it has: none"),
    # lab show, runs, compare, ui
    ("show nothing", "no run", NO_RUN),
    ("show no-config", "half written", NOT_A_RUN),
    ("runs nothing", "no run", NO_RUN),
    ("runs 'x*'", "fits nothing", "No run fits 'x*'"),
    ("runs --state finishd", "a slip", "'finishd' is not one of"),
    ("runs --experiment dqm", "a slip", "Did you mean 'dqn'?"),
    ("runs --group nope", "no group", "There is no group 'nope'"),
    ("runs --where lr", "half of one", NO_CONDITION),
    ("runs --where ''", "empty", NO_CONDITION),
    ("runs --where 'lr<<1'", "two signs", "lr is a number, as 0.01; '<1' is not"),
    ("runs --where 'lr<x'", "a word", "lr is a number, as 0.01; 'x' is not"),
    ("runs --where 'lrr<1'", "no key", "no run has 'lrr'. Did you mean 'lr'?"),
    ("compare one --where lrr=1", "no key", "no run has 'lrr'. Did you mean 'lr'?"),
    ("compare one --where 'lr>9'", "fits nothing", "No finished run to compare"),
    ("compare --by nope", "no key", "no run has a key 'nope'"),
    ("compare --metric nope", "no metric", "There is: eval/accuracy, test/accuracy"),
    ("compare one --fail-under high", "no metric", "write METRIC=VALUE"),
    ("compare one --plot out.doc", "no picture", "the name must end in .png, .svg, .pdf"),
    ("compare one --plot nowhere/out.png", "no folder", "there is no folder nowhere"),
    ("compare one --plot good.csv/out.png", "below a file", "good.csv is a file, not a folder"),
    ("compare one --html good.csv/out.html", "below a file", "good.csv is a file, not a folder"),
    ("export one --out good.csv/x.onnx", "below a file", "good.csv is a file, not a folder"),
    ("run mlp --runs-dir good.csv", "a file", "good.csv is a file, not a folder"),
    ("run mlp --runs-dir good.csv/runs", "below a file", "good.csv is a file, not a folder"),
    ("new thing --into good.csv/runs", "below a file", "good.csv is a file, not a folder"),
    ("compare failed", "not finished", "Left out: failed (failed)"),
    ("compare broken-summary", "damaged", "Left out: broken-summary (damaged)"),
    ("compare half-summary", "damaged", "Left out: half-summary (damaged)"),
    ("ui nothing", "no run", NO_RUN),
    ("ui --port 99999", "no port", "is not in the range 0<=x<=65535"),
    # lab rm, gc
    ("rm", "all of them", "Say which runs"),
    ("rm nothing -y", "no run", NO_RUN),
    ("rm --where lrr=1 -y", "no key", "no run has 'lrr'"),
    ("gc nothing -y", "no run", NO_RUN),
    ("gc --runs-dir good.csv", "a file", "Directory 'good.csv' is a file"),
    # lab sample, play, predict, export
    ("sample one", "cannot", "mlp does not offer 'sample'; it offers: predict, export"),
    ("play one", "cannot", "mlp does not offer 'play'; it offers: predict, export"),
    ("predict nothing 1,2,3,4", "no run", NO_RUN),
    ("predict one 1,2,3,4 --top 0", "none", "--top 0: should be greater than or equal to 1"),
    ("predict one 1,2,3,4 --tpo 1", "a slip", "Did you mean '--top'?"),
    ("export nothing", "no run", NO_RUN),
    # lab model, lr
    ("model mlpp", "a slip", "Did you mean 'mlp'?"),
    ("model mlp --shape x", "no sizes", "channels,height,width: 3,224,224"),
    ("model mlp --outputs 0", "none", "0 is not in the range x>=1"),
    ("model dqn", "no network", "does not say what its network is"),
    ("lr mlpp", "a slip", "Did you mean 'mlp'?"),
    ("lr mlp --steps 5", "too few", "5 is not in the range x>=20"),
    ("lr mlp --highest 0", "0", "0.0 is not in the range x>0"),
    ("lr mlp --out folder", "a folder", "File 'folder' is a directory"),
    ("lr mlp --out lr.doc", "no picture", "the name must end in .png"),
    ("lr mlp --out good.csv/lr.png", "in a file", "good.csv is a file, not a folder"),
    # lab data
    ("data nope", "no command", "There is no command 'nope'"),
    ("data digits", "no show", "Say: lab data show digits"),
    ("data show nope", "no source", "There is no source 'nope'"),
    ("data show csv:header.csv", "no rows", "has column names, but no rows"),
    ("data show digits --fold 9", "one of five", "--fold 9: should be less than 5"),
    ("data show digits --out x.doc", "no picture", "the name must end in .png"),
    ("data show digits --out good.csv/x.png", "in a file", "good.csv is a file, not a folder"),
    # lab check, new, plugins, completion
    ("check nope", "nothing", "'nope'"),
    ("check mlp --only nope", "no check", "nope"),
    ("check syntax_fault.py", "no Python", "cannot be loaded: SyntaxError"),
    ("new My_Net", "capitals", "is not kebab-case"),
    ("new digits --kind source", "taken", "is the name of a source that is there already"),
    ("new folder", "a folder", "folder exists, and is left as it is"),
    ("new class", "a keyword", "is the name of a module that is there already"),
    ("plugins --jsn", "a slip", "No such option '--jsn'"),
    ("completion tcsh", "no shell", "'tcsh' is not one of"),
    ("sync nothing", "no run", NO_RUN),
    # lab serve
    ("serve nothing", "no run", NO_RUN),
    ("serve one --port 99999", "no port", "99999 is not in the range"),
    ("serve one --checkpoint 7", "none", "has no checkpoint '7'"),
]
FAILURES = [  # exit code 1: the command is right, and what it needs is broken
    ("resume empty-config", "empty", "is not a run's configuration"),
    ("resume broken-config", "no YAML", "config.yaml cannot be read: it is not YAML"),
    ("resume binary-config", "bytes", "config.yaml cannot be read: it is not YAML"),
    ("resume list-config", "a list", "is not a run's configuration"),
    ("resume bare-config", "no options", f"{NOT_WHOLE} `config`"),
    ("eval odd-config", "a list of options", f"{NOT_WHOLE} `config`"),
    ("eval odd-runner", "a word of options", f"{NOT_WHOLE} `run`"),
    ("show binary-config", "bytes", "config.yaml cannot be read: it is not YAML"),
    ("show bare-config", "no options", f"{NOT_WHOLE} `config`"),
    ("show odd-runner", "a word of options", f"{NOT_WHOLE} `run`"),
    ("predict bare-config 1,2,3,4", "no options", f"{NOT_WHOLE} `config`"),
    ("eval torn", "cut short", DAMAGED),
    ("eval pickle", "a pickle", DAMAGED),
    ("eval empty-checkpoint", "empty", DAMAGED),
    ("predict torn 1,2,3,4", "cut short", DAMAGED),
    ("eval broken-data", "no JSON", "data.json cannot be read"),
    ("eval list-data", "a list", "data.json cannot be read"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, of which there are copies."""
    folder = tmp_path_factory.mktemp("runs")
    words = f"{TRAIN} --runs-dir {folder} --name first --no-track"
    result = CliRunner().invoke(main, shlex.split(words))
    assert result.exit_code == 0, result.output
    return folder / "first"


@pytest.fixture(autouse=True)
def forget_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files of one name lie in the folder of each test: none may be taken for another."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [name for name in sys.modules if name.endswith("_fault")]:
        del sys.modules[name]


def call(words: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run a command; `NAME=value` before it sets the environment."""
    left = shlex.split(words)
    while re.match(r"[A-Z_]+=", left[0]):
        monkeypatch.setenv(*left.pop(0).split("=", 1))
    monkeypatch.setenv(DISABLE, os.environ.get(DISABLE, ""))  # --no-plugin changes it
    return CliRunner().invoke(main, left, prog_name="lab")


def holds(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    ("code", "words", "wrong", "said"),
    [(code, *row) for code, rows in ((2, MISTAKES), (1, FAILURES)) for row in rows],
    ids=[row[0].replace(LONG, "LONG")[:60] for row in (*MISTAKES, *FAILURES)],
)
def test_a_mistake_is_said_in_plain_lines(
    run, tmp_path, monkeypatch, code, words, wrong, said
) -> None:
    wrong_folder.make(tmp_path, run, words)
    monkeypatch.chdir(tmp_path)
    before = holds(tmp_path / "runs")
    result = call(words, monkeypatch)
    assert result.exit_code == code, (wrong, result.output)
    message = result.stderr.partition("Error: ")[2]
    assert said in " ".join(message.split()) or said in message, (wrong, result.stderr)
    assert 1 <= len(message.splitlines()) <= LINES, message
    assert "Traceback" not in result.output
    assert "--debug shows the traceback" not in result.output  # an error that nobody expected
    assert result.stdout == ""
    assert holds(tmp_path / "runs") == before


def test_there_are_enough_of_them_and_none_twice() -> None:
    commands = [row[0] for row in (*MISTAKES, *FAILURES)]
    assert len(commands) >= 200
    assert len(set(commands)) == len(commands)


def test_every_command_is_tried() -> None:
    tried = {word for row in (*MISTAKES, *FAILURES) for word in shlex.split(row[0])}
    assert set(main.list_commands(None)) - tried == {"doctor", "wandb"}  # type: ignore[arg-type]
