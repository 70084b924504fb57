"""Play Catch, the smallest game whose observation is an image."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from lab_envs import paint

BALL, PADDLE = 255, 128
FRAME_CELL = 40  # pixels of one cell in `render`


class Catch(gym.Env[NDArray[np.uint8], np.int64]):
    """A ball falls one row a step; a paddle on the bottom row must stand where it lands.

    The game of Mnih et al. 2014, "Recurrent models of visual attention" (section 4.2), with the
    rules of bsuite (Osband et al. 2020): the ball starts on the top row in a uniformly random
    column, the paddle in the middle of the bottom row; both move once a step. An episode is
    `rows - 1` steps long; the last one pays +1 for a catch and -1 for a miss, all others 0.
    A player who sees the ball always wins; a blind one, however it moves, expects
    `2 / columns - 1`, since the ball's column is independent of everything it does.

    - actions: 0 left, 1 stay, 2 right; the paddle stops at the walls.
    - observation: uint8 `[rows * cell, columns * cell, 1]`, 0 where empty, 128 the paddle, 255 the
      ball (which hides the paddle on a catch). The default is 40 x 40, since the three
      convolutions of Mnih et al. 2015 need at least 36 x 36.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 8}  # noqa: RUF012
    colors: ClassVar[dict[str, paint.Color]] = {
        "sky": (24, 28, 44),
        "cell": (31, 36, 56),
        "ball": (255, 196, 61),
        "paddle": (86, 204, 182),
    }

    def __init__(
        self, rows: int = 10, columns: int = 10, cell: int = 4, render_mode: str | None = None
    ) -> None:
        """Play on `rows` x `columns` cells of `cell` x `cell` pixels each.

        Raises:
            ValueError: for a size below (2, 1, 1), or a board so wide that some balls are lost.
        """
        if rows < 2 or columns < 1 or cell < 1:
            raise ValueError(
                f"Catch needs rows >= 2, columns >= 1 and cell >= 1, got {rows}, {columns}, {cell}."
            )
        if columns // 2 > rows - 1:
            raise ValueError(
                f"With {columns} columns and {rows} rows the paddle cannot reach every ball:"
                f" take at least {columns // 2 + 1} rows."
            )
        self.rows, self.columns, self.cell = rows, columns, cell
        self.render_mode = render_mode
        self.action_space = spaces.Discrete(3)
        self.observation_space = spaces.Box(0, 255, (rows * cell, columns * cell, 1), np.uint8)
        self.row = rows - 1  # of the ball; on the last row nothing more can happen
        self.column = 0  # of the ball
        self.paddle = columns // 2

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Drop a new ball; `options` are not used."""
        super().reset(seed=seed)
        self.row = 0
        self.column = int(self.np_random.integers(self.columns))
        self.paddle = self.columns // 2
        return self._observe(), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Move the paddle, then let the ball fall one row."""
        if not self.action_space.contains(action):
            raise gym.error.InvalidAction(f"Catch has the actions 0, 1 and 2, got {action!r}.")
        if self.row == self.rows - 1:
            raise gym.error.ResetNeeded("The ball is down: call reset() for the next one.")
        self.paddle = min(max(self.paddle + int(action) - 1, 0), self.columns - 1)
        self.row += 1
        terminated = self.row == self.rows - 1
        reward = (1.0 if self.paddle == self.column else -1.0) if terminated else 0.0
        return self._observe(), reward, terminated, False, {}

    def render(self) -> NDArray[np.uint8] | None:
        """The board in color, uint8 `[rows * 40, columns * 40, 3]`, in the mode "rgb_array"."""
        if self.render_mode is None:
            gym.logger.warn('Catch renders when it is made with render_mode="rgb_array".')
            return None
        frame = paint.canvas(self.rows, self.columns, FRAME_CELL, self.colors["sky"])
        for place in np.ndindex(self.rows, self.columns):
            paint.tile(frame, (place[0], place[1]), FRAME_CELL, self.colors["cell"])
        where = (self.rows - 1, self.paddle)
        paint.tile(frame, where, FRAME_CELL, self.colors["paddle"], inset=(14, 2))
        paint.disc(frame, (self.row, self.column), FRAME_CELL, self.colors["ball"])
        return frame

    def _observe(self) -> NDArray[np.uint8]:
        board = np.zeros((self.rows, self.columns), dtype=np.uint8)
        board[-1, self.paddle] = PADDLE
        board[self.row, self.column] = BALL
        return board.repeat(self.cell, axis=0).repeat(self.cell, axis=1)[..., None]
