"""Walk a grid world that is small enough to know its optimal values exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from lab_envs import paint

FLOOR, WALL, GOAL, PIT = ".#GO"
LAYOUT = (
    "....#.G",
    ".##.#..",
    ".....O.",
    ".#.#...",
    "....#..",
)
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))  # left, down, right, up, as FrozenLake numbers them
FRAME_CELL = 56  # pixels of one cell in `render`


class Transitions(NamedTuple):
    """What each action does in each state, as three arrays `[S, A]`."""

    next_state: NDArray[np.int64]
    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]


class Grid(gym.Env[np.int64, np.int64]):
    """Find the goal, walk around the walls and the pit; nothing is random but the start.

    A deterministic relative of the 4 x 3 world of Russell & Norvig, "Artificial Intelligence"
    (the chapter on sequential decisions). A move into a wall or off the board stays in place.
    Entering the goal or the pit pays `goal_reward` or `pit_reward` and ends the episode; every
    other step pays `step_reward`. An episode starts in a uniformly random floor cell.

    - actions: 0 left, 1 down, 2 right, 3 up.
    - observation: the number of the cell, counting in reading order and leaving out walls.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 6}  # noqa: RUF012
    colors: ClassVar[dict[str, paint.Color]] = {
        "gap": (214, 208, 196),
        FLOOR: (246, 243, 236),
        WALL: (84, 88, 102),
        GOAL: (120, 190, 126),
        PIT: (214, 106, 96),
        "agent": (58, 98, 190),
    }

    def __init__(
        self,
        layout: Sequence[str] = LAYOUT,
        step_reward: float = -0.04,
        goal_reward: float = 1.0,
        pit_reward: float = -1.0,
        render_mode: str | None = None,
    ) -> None:
        """Build the world from rows of `.` floor, `#` wall, `G` goal and `O` pit.

        Raises:
            ValueError: for an unknown character, ragged rows, or a layout without floor or goal.
        """
        self.layout = _checked(layout)
        self.rewards = {FLOOR: step_reward, GOAL: goal_reward, PIT: pit_reward}
        self.render_mode = render_mode
        self.cells = [p for p in np.ndindex(self._shape) if self._tile(p) != WALL]  # by state
        self.starts = [s for s, place in enumerate(self.cells) if self._tile(place) == FLOOR]
        self.action_space = spaces.Discrete(len(MOVES))
        self.observation_space = spaces.Discrete(len(self.cells))
        self._table = self._tabulate()
        self.state = self.cells.index(next(p for p in self.cells if self._tile(p) == GOAL))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Start in a random floor cell, or in `options["state"]`.

        Raises:
            ValueError: if `options["state"]` is no floor cell's number.
        """
        super().reset(seed=seed)
        start = (options or {}).get("state")
        if start is not None and start not in self.starts:
            raise ValueError(f"Cannot start in state {start!r}: choose among {self.starts}.")
        self.state = int(self.np_random.choice(self.starts) if start is None else start)
        return np.int64(self.state), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Try to move to the neighboring cell."""
        if not self.action_space.contains(action):
            raise gym.error.InvalidAction(f"Grid has the actions 0 to 3, got {action!r}.")
        if self.state not in self.starts:
            raise gym.error.ResetNeeded("The episode is over: call reset() for the next one.")
        cause = self.state, action
        reward, terminated = self._table.reward[cause], self._table.terminated[cause]
        self.state = int(self._table.next_state[cause])
        return np.int64(self.state), float(reward), bool(terminated), False, {}

    def transitions(self) -> Transitions:
        """The whole world as arrays `[S, A]`; goal and pit lead to themselves and pay nothing."""
        next_state, reward, terminated = self._table
        return Transitions(next_state.copy(), reward.copy(), terminated.copy())

    def optimal_q(self, gamma: float) -> NDArray[np.float64]:
        """Q*(s, a), `[S, A]`, for the discount `gamma`, without regard to any time limit.

        Policy iteration with an exact linear solve (Sutton & Barto 2018, section 4.3), so it is
        right up to rounding. Terminal states are worth 0.

        Raises:
            ValueError: unless 0 <= gamma < 1.
        """
        if not 0 <= gamma < 1:
            raise ValueError(f"The discount must be in [0, 1), got {gamma}.")
        every = np.arange(len(self.cells))
        policy = np.zeros_like(every)
        while True:
            q = self._action_values(policy, gamma)
            gain = q.max(axis=1) - q[every, policy]
            better = gain > 1e-12 / (1 - gamma)  # not by rounding, which could go in circles
            if not better.any():
                return q
            policy = np.where(better, q.argmax(axis=1), policy)

    def render(self) -> NDArray[np.uint8] | str | None:
        """The board as uint8 `[rows * 56, columns * 56, 3]`, or as text with `A` for the agent."""
        if self.render_mode is None:
            gym.logger.warn('Grid renders when it is made with render_mode="rgb_array" or "ansi".')
            return None
        return self._text() if self.render_mode == "ansi" else self._frame()

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.layout), len(self.layout[0])

    def _tile(self, place: tuple[int, ...]) -> str:
        return self.layout[place[0]][place[1]]

    def _tabulate(self) -> Transitions:
        outcomes = [[self._outcome(s, move) for move in MOVES] for s in range(len(self.cells))]
        columns = np.moveaxis(np.array(outcomes, dtype=np.float64), -1, 0)  # [3, S, A]
        return Transitions(columns[0].astype(np.int64), columns[1], columns[2].astype(np.bool_))

    def _outcome(self, state: int, move: tuple[int, int]) -> tuple[int, float, bool]:
        """Next state, reward and termination of one move."""
        here = self.cells[state]
        if self._tile(here) != FLOOR:
            return state, 0.0, True
        there = (here[0] + move[0], here[1] + move[1])
        next_state = self.cells.index(there) if there in self.cells else state
        kind = self._tile(self.cells[next_state])
        return next_state, self.rewards[kind], kind != FLOOR

    def _action_values(self, policy: NDArray[np.int64], gamma: float) -> NDArray[np.float64]:
        """Q of a policy `[S]`: solve (I - gamma P) v = r, then look one step ahead."""
        next_state, reward, terminated = self._table
        discount = gamma * ~terminated  # [S, A]
        every = np.arange(len(policy))
        system = np.eye(len(policy))
        system[every, next_state[every, policy]] -= discount[every, policy]
        value = np.linalg.solve(system, reward[every, policy])  # [S]
        q: NDArray[np.float64] = reward + discount * value[next_state]
        return q

    def _text(self) -> str:
        rows = [list(row) for row in self.layout]
        row, column = self.cells[self.state]
        rows[row][column] = "A"
        return "\n".join(map("".join, rows)) + "\n"

    def _frame(self) -> NDArray[np.uint8]:
        frame = paint.canvas(*self._shape, FRAME_CELL, self.colors["gap"])
        for row, column in np.ndindex(self._shape):
            paint.tile(frame, (row, column), FRAME_CELL, self.colors[self.layout[row][column]])
        row, column = self.cells[self.state]
        paint.disc(frame, (row, column), FRAME_CELL, self.colors["agent"])
        return frame


def _checked(layout: Sequence[str]) -> tuple[str, ...]:
    """The layout as a tuple, or a ValueError that says what is wrong with it."""
    rows = tuple(layout)
    tiles = "".join(rows)
    if unknown := sorted(set(tiles) - {FLOOR, WALL, GOAL, PIT}):
        raise ValueError(f"A layout is made of . # G and O, got {' '.join(unknown)}")
    if len({len(row) for row in rows}) != 1:
        raise ValueError("All rows of a layout must have the same length.")
    if FLOOR not in tiles or GOAL not in tiles:
        raise ValueError("A layout needs at least one floor cell and one goal.")
    return rows
