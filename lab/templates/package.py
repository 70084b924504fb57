"""Hold what is the same in every plugin: pyproject.toml, README and the test."""

from __future__ import annotations

from collections.abc import Mapping

from lab.templates.template import Template, filled

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{{name}}"
version = "0.1.0"
description = "{{what}} for the lab"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["rl-gen-lab>={{version}}"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points.lab]
{{name}} = "{{package}}"

[tool.hatch.build.targets.wheel]
packages = ["{{package}}"]

[tool.mypy]
strict = true
packages = ["{{package}}"]
"""

README = """\
# {{name}}

{{what}} for the lab: {{about}} Make it yours.

```console
$ pip install -e '.[test]'
{{commands}}
```

| file | what it holds |
|---|---|
{{table}}
| `tests/test_contract.py` | one test for each promise of the contract |
"""

TEST = '''\
"""{{name}} keeps the contract of the lab."""

from collections.abc import Callable

from lab.testing import parametrize_with_checks


@parametrize_with_checks("{{name}}"{{kind}})
def test_contract(check: Callable[[], None]) -> None:
    check()
'''


def files(kind: str, template: Template, name: str, version: str) -> Mapping[str, str]:
    """Return the files of a plugin by path."""
    package = name.replace("-", "_")
    tries = {
        **template.tries,
        f"lab check {name}": "does it keep the contract?",
        "pytest": "the same, as tests",
    }
    commands = {filled(words, name=name): purpose for words, purpose in tries.items()}
    width = max(map(len, commands))
    values = {
        "what": template.what,
        "about": template.about,
        "commands": "\n".join(
            f"$ {words:{width}}  # {purpose}" for words, purpose in commands.items()
        ),
        "table": "\n".join(
            f"| `{package}/{f}` | {purpose} |" for f, purpose in template.holds.items()
        ),
        "kind": "" if kind == "experiment" else f', kind="{kind}"',
        "version": version,
        "name": name,
        "package": package,
    }
    texts = {
        "pyproject.toml": PYPROJECT,
        "README.md": README,
        **{f"{package}/{module}": text for module, text in template.files.items()},
        f"{package}/py.typed": "",
        "tests/test_contract.py": TEST,
    }
    return {path: filled(text, **values) for path, text in texts.items()}
