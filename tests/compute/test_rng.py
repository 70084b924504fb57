"""All randomness follows from one seed; a scope with its own seed restores it to the bit."""

# ruff: noqa: NPY002  legacy generators are what is tested

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest
import torch
from helpers import difference
from hypothesis import given
from hypothesis import strategies as st

from lab.compute.rng import Randomness, derive_seed, from_plain, to_plain, untouched

CPU = torch.device("cpu")
seeds = st.integers(0, 2**31 - 1)
draw_counts = st.lists(st.integers(0, 5), min_size=6, max_size=6)


def draw(randomness: Randomness, counts=(1,) * 6) -> list[object]:
    """Draw from every generator, the one of Gaussian pairs included."""
    seen: list[object] = []
    python, gauss, legacy, own, torch_global, torch_own = counts
    seen += [random.random() for _ in range(python)]
    seen += [(random.gauss(0, 1), float(np.random.standard_normal())) for _ in range(gauss)]
    seen += [float(np.random.rand()) for _ in range(legacy)]
    seen += [float(randomness.numpy.standard_normal()) for _ in range(own)]
    seen += [torch.randn(3).tolist() for _ in range(torch_global)]
    seen += [torch.randn(3, generator=randomness.torch).tolist() for _ in range(torch_own)]
    return seen


@pytest.fixture(autouse=True)
def unchanged():
    with untouched():
        yield


@given(seeds)
def test_one_seed_gives_one_future(seed) -> None:
    assert draw(Randomness(seed, CPU)) == draw(Randomness(seed, CPU))


def test_generators_and_seeds_are_all_different() -> None:
    first, second = draw(Randomness(0, CPU)), draw(Randomness(1, CPU))
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert all(a != b for a, b in combinations(map(str, first), 2))


@given(seeds, draw_counts, draw_counts)
def test_a_saved_state_continues_alike(seed, before, after) -> None:
    randomness = Randomness(seed, CPU)
    draw(randomness, before)
    state = randomness.state_dict()
    future = draw(randomness, after)
    restored = Randomness(seed + 1, CPU)
    restored.load_state_dict(state)
    assert draw(restored, after) == future


@given(seeds, seeds, draw_counts, draw_counts)
def test_lending_restores_everything_to_the_bit(seed, scoped_seed, before, within) -> None:
    randomness = Randomness(seed, CPU)
    own, generator = randomness.numpy, randomness.torch
    draw(randomness, before)
    state = randomness.state_dict()
    with randomness.scoped(scoped_seed):
        first = draw(randomness, within)
    assert difference(state, randomness.state_dict()) is None
    with randomness.scoped(scoped_seed):
        assert draw(randomness, within) == first
    assert randomness.numpy is own
    assert randomness.torch is generator


def on_cuda(seed: int) -> dict[str, object]:
    """A state as a run on CUDA saves it: its generators have 16 bytes, seed and offset."""
    state = Randomness(seed, CPU).state_dict()
    state["torch generator"] = torch.arange(16, dtype=torch.uint8) + seed
    state["cuda"] = torch.zeros(16, dtype=torch.uint8)
    return state


def test_a_state_of_another_kind_of_device_continues_the_same_each_time() -> None:
    futures = []
    for saved, own in ((0, 1), (0, 2), (1, 1)):
        randomness = Randomness(own, CPU)
        randomness.load_state_dict(on_cuda(saved))
        futures.append(draw(randomness))
    assert futures[0] == futures[1]  # it follows from what was saved alone
    assert all(a != b for a, b in zip(futures[0], futures[2], strict=True))
    assert futures[0][:4] == draw(Randomness(0, CPU))[:4]  # what has one kind of state goes on


def test_lending_restores_after_an_exception() -> None:
    randomness = Randomness(0, CPU)
    state = randomness.state_dict()
    with pytest.raises(ZeroDivisionError), randomness.scoped(1):
        draw(randomness)
        raise ZeroDivisionError
    assert difference(state, randomness.state_dict()) is None


def test_untouched_puts_the_global_generators_back() -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    random.gauss(0, 1)
    np.random.standard_normal()
    expected = random.Random(), np.random.RandomState(), torch.Generator()
    expected[0].setstate(random.getstate())
    expected[1].set_state(np.random.get_state())
    expected[2].set_state(torch.get_rng_state())
    with pytest.raises(ZeroDivisionError), untouched():
        Randomness(9, CPU)
        draw(Randomness(9, CPU))
        raise ZeroDivisionError
    assert random.gauss(0, 1) == expected[0].gauss(0, 1)
    assert np.random.standard_normal() == expected[1].standard_normal()
    assert torch.equal(torch.rand(4), torch.rand(4, generator=expected[2]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_generators_are_lent_and_left_untouched() -> None:
    device = torch.device("cuda:0")
    torch.cuda.manual_seed(3)
    before = torch.cuda.get_rng_state()
    with untouched():
        randomness = Randomness(0, device)
        state = randomness.state_dict()
        with randomness.scoped(1):
            torch.randn(5, device=device)
            torch.randn(5, device=device, generator=randomness.torch)
        assert difference(state, randomness.state_dict()) is None
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_states_load_as_weights_only(tmp_path) -> None:
    state = Randomness(3, CPU).state_dict()
    torch.save(state, tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    assert difference(state, loaded) is None


@given(seeds, st.lists(st.text(max_size=3) | st.integers(0, 9), max_size=3, unique_by=str))
def test_each_purpose_has_a_seed_of_its_own(seed, path) -> None:
    assert derive_seed(seed, *path) == derive_seed(seed, *path)
    assert 0 <= derive_seed(seed, *path) < 2**31
    assert derive_seed(seed, *path, "more") != derive_seed(seed, *path)


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(nested)
def test_plain_data_passes_plain_unchanged(value) -> None:
    assert to_plain(value) == value
    assert from_plain(to_plain(value)) == value


@pytest.mark.parametrize("dtype", ["u1", "i8", "f4", "f8", "?", "u4", "u8", "c8"])
def test_arrays_come_back_with_their_bits_and_do_not_alias(dtype) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    made = to_plain({"a": [array]})
    again = from_plain(made)["a"][0]
    assert again.dtype == array.dtype
    assert again.tobytes() == array.tobytes()
    array[:] = 0
    assert again.any()


def test_numpy_scalars_become_numbers() -> None:
    made = to_plain((np.float32(0.5), np.int64(3), np.bool_(True)))
    assert [type(value) for value in made] == [float, int, bool]


def test_an_array_of_objects_is_refused() -> None:
    with pytest.raises(TypeError, match="no plain data"):
        to_plain(np.array([{}, []], dtype=object))
