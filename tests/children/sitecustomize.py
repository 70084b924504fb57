"""Let a process that a test starts round as the test does, from its import of torch on."""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


class AfterTorch(MetaPathFinder):
    """Finds torch as all others do, and reverses its sums once it is imported."""

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            if "rounding" in sys.modules:  # a worker of pytest, which imports it for itself
                return
            sys.path.append(str(Path(__file__).parents[1]))
            import rounding

            sys.path.remove(str(Path(__file__).parents[1]))
            rounding.reverse()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, AfterTorch())
