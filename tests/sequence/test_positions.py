"""Positions are those of their papers, wherever a sequence stands."""

from __future__ import annotations

import math

import pytest
import torch

from lab.errors import UsageError
from lab.sequence import POSITIONS, MultiHeadAttention, make_positions
from lab.sequence.positions import Learned, Rotary, Sinusoidal

SOMEWHERE = torch.tensor([[0, 1, 2, 3], [7, 8, 9, 10], [40, 3, 0, 1]])


def test_sinusoidal_positions_are_the_formula() -> None:
    module = Sinusoidal(6)
    encoded = module(SOMEWHERE)
    assert encoded.shape == (3, 4, 6)
    for row, step in ((0, 0), (0, 3), (1, 2), (2, 0)):
        p = SOMEWHERE[row, step].item()
        expected = [f(p / 10_000 ** (2 * i / 6)) for i in range(3) for f in (math.sin, math.cos)]
        assert encoded[row, step].tolist() == pytest.approx(expected, abs=1e-5)


def test_a_shift_of_sinusoidal_positions_is_a_rotation_of_each_pair() -> None:
    """Section 3.5: the encoding at p + k is a linear function of the one at p."""
    module = Sinusoidal(8)
    p = module(torch.arange(20)[None])[0].unflatten(-1, (4, 2))
    shifted = module(torch.arange(5, 25)[None])[0].unflatten(-1, (4, 2))
    products = (p * shifted).sum(-1)  # the cosine of the shift's angle, at each p
    torch.testing.assert_close(products, products[:1].expand(20, 4), atol=1e-5, rtol=0)


def test_learned_positions_are_looked_up_and_end() -> None:
    module = Learned(6, 41)
    assert torch.equal(module(SOMEWHERE)[2, 0], module.weight[40])
    with pytest.raises(UsageError, match="position 41 is beyond the 41 learned ones"):
        module(SOMEWHERE + 1)


def test_rotary_products_depend_on_the_distance_alone() -> None:
    """Equation 16 of Su et al. (2021), and the length of a vector stays."""
    rotary = Rotary(8)
    query, key = torch.randn(2, 8).double()

    def product(m: int, n: int) -> float:
        turned = [
            rotary(v[None, None, None], torch.tensor([[p]])) for v, p in ((query, m), (key, n))
        ]
        assert turned[0].norm().item() == pytest.approx(query.norm().item())
        return float((turned[0] * turned[1]).sum())

    assert product(0, 0) == pytest.approx(float(query @ key))
    assert product(9, 4) == pytest.approx(product(105, 100), abs=1e-4)
    assert product(9, 4) == pytest.approx(product(5, 0), abs=1e-4)
    assert product(4, 9) != pytest.approx(product(9, 4), abs=1e-2)
    assert product(9, 4) != pytest.approx(product(9, 5), abs=1e-2)


def test_rotary_turns_neighboring_components_by_the_angles_of_the_paper() -> None:
    """As complex numbers: equation 12, with theta_i of equation 15."""
    vectors = torch.randn(3, 2, 4, 6).double()
    turned = torch.view_as_complex(Rotary(6)(vectors, SOMEWHERE).unflatten(-1, (3, 2)))
    theta = torch.tensor([10_000 ** (-2 * i / 6) for i in range(3)]).double()
    phases = torch.polar(torch.ones(3, 4, 3).double(), SOMEWHERE[:, :, None] * theta)
    expected = torch.view_as_complex(vectors.unflatten(-1, (3, 2))) * phases[:, None]
    torch.testing.assert_close(turned, expected, atol=1e-4, rtol=0)


def test_rotary_attention_sees_distances_and_nothing_else_of_positions() -> None:
    module = MultiHeadAttention(8, 2, rotary=True)
    x = torch.randn(3, 4, 8)
    places = torch.tensor([[0, 2, 3, 7]]).expand(3, 4)
    moved = module(x, positions=places + torch.tensor([[0], [5], [90]]))
    torch.testing.assert_close(module(x, positions=places), moved, atol=1e-4, rtol=0)
    torch.testing.assert_close(module(x), module(x, positions=torch.arange(4)[None]))
    assert not torch.allclose(module(x), module(x, positions=places), atol=1e-3)


def test_names_are_built_or_told() -> None:
    built = {name: make_positions(name, 6, 10) for name in POSITIONS}
    assert isinstance(built["sinusoidal"], Sinusoidal)
    assert isinstance(built["learned"], Learned)
    assert built["learned"].weight.shape == (10, 6)
    assert built["rotary"] is None
    with pytest.raises(ValueError, match="no positions 'alibi'; there is: sinusoidal, learned"):
        make_positions("alibi", 6, 10)
    with pytest.raises(ValueError, match="a width of 7 is odd"):
        make_positions("sinusoidal", 7, 10)
