"""ResNet (He et al. 2016, arXiv 1512.03385) for one channel, without a classifier.

Layers and their names are torchvision's, so that checkpoints of either fit the other. It is written out here because
torchvision's import brings half of PyTorch along (its compiler, sympy, torch.distributed): 3 s of every start of a
process that embeds or searches.
"""

from __future__ import annotations

from torch import Tensor, nn


def _conv(before: int, after: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)


def _shortcut(before: int, after: int, stride: int) -> nn.Sequential | None:
    if before == after and stride == 1:
        return None
    return nn.Sequential(_conv(before, after, 1, stride), nn.BatchNorm2d(after))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions: (B, before, H, W) to (B, width, H / stride, W / stride)."""

    expansion = 1

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(before, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(before, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 with the stride ("V1.5"), 1 x 1: (B, before, H, W) to (B, 4 width, H / stride, W / stride)."""

    expansion = 4

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = width * self.expansion
        self.conv1 = _conv(before, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, after, 1)
        self.bn3 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(before, after, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """(B, 1, H, W) to (B, 512), 2048 for ResNet-50."""

    placed_stages = (1, 2)

    def __init__(self, block: type[BasicBlock | Bottleneck], layers: list[int]) -> None:
        """`layers` says how many blocks each of the four layers has."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        parts = []
        channels = 64
        for width, count, stride in zip((64, 128, 256, 512), layers, (1, 2, 2, 2), strict=True):
            blocks: list[nn.Module] = []
            for number in range(count):
                blocks.append(block(channels, width, stride if number == 0 else 1))
                channels = width * block.expansion
            parts.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = parts
        self.dimension = channels
        self.stage_channels = tuple(width * block.expansion for width in (128, 256, 512))
        for layer in parts:
            for module in layer.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stages(self, x: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) of layers 2, 3 and 4, at 1/8, 1/16 and 1/32."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (B, 64, H/4, W/4)
        second = self.layer2(self.layer1(x))
        third = self.layer3(second)
        return [second, third, self.layer4(third)]

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1].mean((2, 3))
