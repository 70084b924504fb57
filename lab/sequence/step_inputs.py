"""Read the inputs of any source as steps: what a network over sequences begins with."""

from __future__ import annotations

from torch import Tensor, nn

from lab.data.dataset_info import DatasetInfo
from lab.data.tokens import END
from lab.errors import UsageError
from lab.nn.pyramid import Grid, Pyramid
from lab.sequence.choices import SCANS, check_choice
from lab.sequence.embeddings import TokenEmbedding


class StepInputs(nn.Module):
    """Prepared inputs of a source [B, ...] -> steps [B, T, width] and their lengths.

    Tokens [B, T] are embedded; sequences [B, T, F] and windows of a series go through one linear
    layer; a picture [B, C, H, W] is read row by row as sequences of C W values, pixel by pixel
    of C, or as the cells of a small convolutional network; of a clip [B, T, C, H, W] each frame
    goes through another one.

    scan: a name of SCANS, of pictures. project: False leaves numbers as they are, for cells that
    have a layer of their own; `width` is then that of the source. scaled: of `TokenEmbedding`.
    Attributes: `width`, and `steps`, of the longest example (None of a series).
    Raises UsageError for data without steps, ValueError for another scan.
    """

    def __init__(
        self,
        info: DatasetInfo,
        width: int,
        *,
        scan: str = "rows",
        project: bool = True,
        scaled: bool = False,
    ) -> None:
        super().__init__()
        check_choice("scan", scan, SCANS)
        self.kind, self.scan = info.kind, scan
        self.width = width
        self.steps = None if info.kind == "series" else _steps(info, scan)
        self.read: nn.Module
        if info.kind == "tokens":
            self.read = TokenEmbedding(len(info.vocabulary), width, scaled=scaled)
        elif info.kind == "video":
            self.read = Pyramid(info.shape[1:], width)
        elif info.kind == "image" and scan == "grid":
            self.read = Grid(info.shape, width)
            self.steps = self.read.cells
        elif project:
            self.read = nn.Linear(_features(info, scan), width)
        else:
            self.read, self.width = nn.Identity(), _features(info, scan)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return steps [B, T, width], and lengths [B], or None where all are of one length.

        mask: bool [B, T], the steps that there are. Without one the token that ends and fills up
        tells the length of tokens, which is at least 1.
        """
        if mask is not None:
            lengths: Tensor | None = mask.sum(1)
        elif self.kind == "tokens":
            lengths = (inputs != END).sum(1).clamp(min=1)
        else:
            lengths = None
        if self.kind == "image" and self.scan != "grid":
            inputs = scanned(inputs, self.scan)
        if self.kind == "video":
            frames = self.read(inputs.flatten(0, 1))
            return frames.unflatten(0, inputs.shape[:2]), lengths
        return self.read(inputs), lengths


def scanned(pictures: Tensor, scan: str) -> Tensor:
    """Return pictures [B, C, H, W] as their rows [B, H, C W], or their pixels [B, H W, C]."""
    if scan == "rows":
        return pictures.transpose(1, 2).flatten(2)
    return pictures.flatten(2).transpose(1, 2)


def _steps(info: DatasetInfo, scan: str) -> int:
    if info.kind == "image":
        _, height, width = info.shape
        return height if scan == "rows" else height * width
    if info.kind not in ("tokens", "sequence", "video"):
        raise UsageError(f"{info.name} is {info.kind} data, which has no steps to read one by one")
    return info.shape[0]


def _features(info: DatasetInfo, scan: str) -> int:
    """Return how many numbers a step has."""
    if info.kind == "image":
        channels, _, width = info.shape
        return channels * width if scan == "rows" else channels
    return info.shape[-1]
