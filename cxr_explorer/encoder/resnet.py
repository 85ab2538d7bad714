"""torchvision's ResNet (He et al. 2016, arXiv 1512.03385) for one channel, without a classifier.

A module of its own, imported where such a network is built: torchvision brings half of PyTorch along (its compiler,
sympy, torch.distributed), 3 s of the start of a process.
"""

from __future__ import annotations

import torchvision.models
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck


class ResNet(torchvision.models.ResNet):  # type: ignore[misc]  # torchvision has no types
    """(B, 1, H, W) to (B, 512), 2048 for ResNet-50."""

    placed_stages = (1, 2)

    def __init__(self, block: type[BasicBlock | Bottleneck], layers: list[int]) -> None:
        """`layers` says how many blocks each of the four layers has."""
        super().__init__(block, layers)
        self.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.fc = nn.Identity()
        self.stage_channels = tuple(channels * block.expansion for channels in (128, 256, 512))
        self.dimension = self.stage_channels[-1]

    def stages(self, x: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) of layers 2, 3 and 4, at 1/8, 1/16 and 1/32."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (B, 64, H/4, W/4)
        second = self.layer2(self.layer1(x))
        third = self.layer3(second)
        return [second, third, self.layer4(third)]


DEPTHS: dict[int, tuple[type[BasicBlock | Bottleneck], list[int]]] = {
    18: (BasicBlock, [2, 2, 2, 2]),
    34: (BasicBlock, [3, 4, 6, 3]),
    50: (Bottleneck, [3, 4, 6, 3]),
}


def resnet(depth: int) -> ResNet:
    """Initial weights from torch's generator."""
    return ResNet(*DEPTHS[depth])
