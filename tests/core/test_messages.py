"""Messages name so many things and no more."""

from __future__ import annotations

import pytest

from lab.messages import listed


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a", "b"], "a, b"),
        (list("abcdefgh"), "a, b, c, d, e, f, g, h"),
        (list("abcdefghi"), "a, b, c, d, e, f, g, h and 1 more"),
        (["x"] * 2_008, "x, x, x, x, x, x, x, x and 2,000 more"),
    ],
)
def test_a_list_of_names_is_cut_after_eight(names, text) -> None:
    assert listed(names) == text


def test_classes_that_a_source_lacks_are_told_with_the_first_eight(tmp_path, monkeypatch) -> None:
    import lab

    rows = "\n".join(f"{n},{'abcdefghij'[n % 10]}" for n in range(200))
    (tmp_path / "many.csv").write_text(f"x,target\n{rows}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(lab.UsageError, match="It has: a, b, c, d, e, f, g, h and 2 more$"):
        lab.run("mlp", data="csv:many.csv", classes=("z",), wandb="disabled")
