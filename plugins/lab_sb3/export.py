"""Write a trained model as plain stable-baselines3 loads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lab
from lab.outputs import check_folder
from lab_sb3.config import Export


def export(model: Any, wrapped: Sequence[str], options: Export, folder: Path) -> Path:
    """Write the model, by default into `folder`, and return the file's path. Beside it lies, as
    `-vecnormalize.pkl`, what observations are standardized by, if they are: `VecNormalize.load`.

    wrapped: what is between the environment and the policy, in words. Raises UsageError where there
    is a file already, or no folder, and where what is loaded would not play in the environment as
    it is.
    """
    if wrapped and not options.policy_alone:
        raise lab.UsageError(
            f"The policy plays in an environment that is changed ({', '.join(wrapped)}), and "
            "PPO.load and the like know nothing of that. --policy-alone writes it, for who "
            "wraps theirs alike."
        )
    path = options.out or folder / "sb3.zip"
    if path.suffix != ".zip":
        path = path.with_name(f"{path.name}.zip")
    check_folder("--out", path)
    statistics = path.with_name(f"{path.stem}-vecnormalize.pkl")
    normalize = model.get_vec_normalize_env()
    for file in [path] if normalize is None else [path, statistics]:
        if file.exists():
            raise lab.UsageError(f"--out {file} exists, and is left as it is.")
    model.save(path)
    if normalize is not None:
        normalize.save(statistics)
    return path
