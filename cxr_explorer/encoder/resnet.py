"""ResNet (He et al. 2016, arXiv 1512.03385) for one channel, without a classifier; weights as torchvision names them.

Written out here because torchvision brings half of PyTorch along (its compiler, sympy, torch.distributed): a second of
processor time, several on a cold disk, at the start of every process that analyses images.
"""

from __future__ import annotations

from torch import Tensor, nn


def _conv(before: int, after: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, before: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        """`before` channels become `width`; `downsample` brings the shortcut to the same shape."""
        super().__init__()
        self.conv1 = _conv(before, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """A 3x3 convolution, which carries the stride, between two of 1x1, beside a shortcut."""

    expansion = 4

    def __init__(self, before: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        """`before` channels become 4 `width`; `downsample` brings the shortcut to the same shape."""
        super().__init__()
        self.conv1 = _conv(before, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, width * self.expansion, 1)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """(B, 1, H, W) to (B, 512), 2048 for ResNet-50."""

    placed_stages = (1, 2)

    def __init__(self, block: type[BasicBlock | Bottleneck], blocks: list[int]) -> None:
        """`blocks` says how many blocks each of the four layers has."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _layer(block, 64, 64, blocks[0], 1)
        self.layer2 = _layer(block, 64 * block.expansion, 128, blocks[1], 2)
        self.layer3 = _layer(block, 128 * block.expansion, 256, blocks[2], 2)
        self.layer4 = _layer(block, 256 * block.expansion, 512, blocks[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.stage_channels = tuple(channels * block.expansion for channels in (128, 256, 512))
        self.dimension = self.stage_channels[-1]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stages(self, x: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) of layers 2, 3 and 4, at 1/8, 1/16 and 1/32."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (B, 64, H/4, W/4)
        second = self.layer2(self.layer1(x))
        third = self.layer3(second)
        return [second, third, self.layer4(third)]

    def forward(self, x: Tensor) -> Tensor:
        return self.avgpool(self.stages(x)[-1]).flatten(1)  # type: ignore[no-any-return]


def _layer(block: type[BasicBlock | Bottleneck], before: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    after = width * block.expansion
    downsample = None
    if stride != 1 or before != after:
        downsample = nn.Sequential(_conv(before, after, 1, stride), nn.BatchNorm2d(after))
    first = block(before, width, stride, downsample)
    return nn.Sequential(first, *(block(after, width, 1, None) for _ in range(1, blocks)))


DEPTHS: dict[int, tuple[type[BasicBlock | Bottleneck], list[int]]] = {
    18: (BasicBlock, [2, 2, 2, 2]),
    34: (BasicBlock, [3, 4, 6, 3]),
    50: (Bottleneck, [3, 4, 6, 3]),
}


def resnet(depth: int) -> ResNet:
    """Initial weights from torch's generator."""
    return ResNet(*DEPTHS[depth])
