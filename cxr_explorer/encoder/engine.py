"""What runs an encoder's network: ONNX Runtime on a CPU, PyTorch on a graphics card and where there is no graph.

On a CPU ONNX Runtime gives 1.5 to 2.2 times PyTorch's images a second (`python -m tests.bench.embed`) and is there in a
tenth of the time. Its embeddings differ in the sixth digit, from one count of images a pass to another PyTorch's own do
as well: they share a key.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import GRAPH_FILE, WEIGHTS_FILE, EncoderInfo, NotInTorchError, read_weights
from cxr_explorer.encoder.devices import choose_kind, count_threads, describe_kind
from cxr_explorer.errors import UserError

if TYPE_CHECKING:
    import torch  # imported where it is used: it takes a second, and need not be installed

INPUT, OUTPUT = "pixels", "embeddings"
"""Names in a graph."""

_LOG = logging.getLogger(__name__)


class Engine(Protocol):
    """A network that is loaded. Close it.

    Attributes:
        kind: "cpu", "cuda" or "mps".
        words: What computes, for the reader.
        threads: How many threads may call `run` at a time.
    """

    kind: str
    words: str
    threads: int

    def begin_thread(self) -> None:
        """Called once in each thread that will call `run`."""

    def run(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 1, S, S) to (B, D) float32. Raises MemoryError where the device's memory does not hold B images."""
        ...

    def close(self) -> None:
        """Puts back what was set for the whole process."""


class NoGraphError(Exception):
    """ONNX Runtime cannot run this encoder here; says why."""


def open_engine(info: EncoderInfo, device: str = "auto") -> Engine:
    """Loads an encoder.

    Args:
        info: The encoder.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        UserError: The encoder cannot be loaded, the device is not there, or what would run the encoder on it is not
            installed.
    """
    kind = choose_kind(device)
    if kind != "cpu":
        try:
            return TorchEngine(info, kind)
        except NotInTorchError as reason:
            _LOG.warning("%s runs on the processor: %s", info.name, reason)
    try:
        return OnnxEngine(info)
    except NoGraphError as reason:
        _LOG.warning("%s runs on PyTorch: %s", info.name, reason)
        try:
            import torch  # noqa: F401
        except (ImportError, OSError) as error:
            raise UserError(
                f"The encoder {info.title} cannot run: {reason}, and PyTorch, which could do without, is not installed "
                "here or does not load. Copy the encoder's folder again, or install PyTorch (pip install torch)."
            ) from error
        return TorchEngine(info, "cpu")


class OnnxEngine:
    """ONNX Runtime on the CPU.

    One session for all threads, each running a pass of its own on one core: the weights are there once, and nobody
    waits for another inside a layer (see `embed.CPU_PASS`). A session a core is no faster. The session keeps its memory
    between passes (its arena, some 100 MB for Lite0): without it, a pass takes 1.4 times as long.
    """

    kind = "cpu"

    def __init__(self, info: EncoderInfo) -> None:
        """Raises UserError where the weights are missing or damaged, NoGraphError where the graph or the library is."""
        graph = read_graph(info)
        weights = read_weights(info)
        try:
            import onnxruntime
        except ImportError as error:
            raise NoGraphError(f"ONNX Runtime is not installed or does not load ({error})") from error
        onnxruntime.disable_telemetry_events()  # Windows' builds report to their maker otherwise
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors, which are raised as well
        try:
            options.add_external_initializers_from_files_in_memory([WEIGHTS_FILE], [weights], [len(weights)])
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise NoGraphError(f"ONNX Runtime refuses {GRAPH_FILE} ({error})") from error
        if (given := self._session.get_outputs()[0].shape[1]) != info.dimension:
            raise UserError(
                f"The encoder {info.title} says it gives {info.dimension} numbers an image but gives {given}: its "
                "description was changed. Copy the encoder's folder again."
            )
        self.threads = count_threads()
        self.words = f"{describe_kind(self.kind)}, ONNX Runtime {onnxruntime.__version__}"

    def begin_thread(self) -> None:
        """Nothing to do: the session itself has one thread."""

    def run(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.run`."""
        try:
            (embeddings,) = self._session.run([OUTPUT], {INPUT: pixels})
        except Exception as error:
            if _says_out_of_memory(error):
                raise MemoryError(str(error)) from error
            raise
        found: NDArray[np.float32] = embeddings
        return found

    def close(self) -> None:
        """Nothing to put back."""


class TorchEngine:
    """PyTorch, on a CPU with one thread a pass."""

    def __init__(self, info: EncoderInfo, kind: str) -> None:
        """Raises UserError and NotInTorchError, see `model.load_model`."""
        import torch

        from cxr_explorer.encoder.model import ARCHITECTURES, fold_norms, load_model

        self.kind = kind
        model = load_model(info, torch.device(kind))
        if kind == "cpu" and info.architecture in ARCHITECTURES:
            model = fold_norms(model)
        self._model = model.to(memory_format=torch.channels_last)
        self._threads_before = torch.get_num_threads()
        self.threads = self._threads_before if kind == "cpu" else 1
        self.words = f"{describe_kind(kind)}, PyTorch {torch.__version__}"

    def begin_thread(self) -> None:
        """See `Engine.begin_thread`."""
        import torch

        if self.kind == "cpu":
            torch.set_num_threads(1)

    def run(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.run`."""
        import torch

        try:
            return self._forward(torch.from_numpy(pixels))
        except (RuntimeError, MemoryError) as error:  # the CPU's allocator and MPS raise a plain RuntimeError
            if not (isinstance(error, torch.cuda.OutOfMemoryError) or _says_out_of_memory(error)):
                raise
            reason = str(error)
        if self.kind == "cuda":
            torch.cuda.empty_cache()  # after the except clause: the error's traceback holds the activations
        raise MemoryError(reason)

    def close(self) -> None:
        """Puts PyTorch's number of threads back: the pool's threads also set it for threads to come."""
        import torch

        if self.kind == "cpu":
            torch.set_num_threads(self._threads_before)

    def _forward(self, pixels: torch.Tensor) -> NDArray[np.float32]:
        import torch

        on_cuda = self.kind == "cuda"
        if on_cuda:
            pixels = pixels.pin_memory()
        x = pixels.to(self.kind, non_blocking=on_cuda).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            if on_cuda:
                with torch.autocast("cuda"):
                    out: torch.Tensor = self._model(x).float()  # (B, D)
                if not torch.isfinite(out).all():  # float16 ends at 65504
                    out = self._model(x)
            else:
                out = self._model(x)
        return out.float().cpu().numpy()


def read_graph(info: EncoderInfo) -> bytes:
    """The graph that `encoder.json` names. Raises NoGraphError where there is none, or another."""
    path = info.directory / GRAPH_FILE
    if not info.graph_sha256:
        raise NoGraphError(f"it has no {GRAPH_FILE}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NoGraphError(f"{path} cannot be read ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != info.graph_sha256:
        raise NoGraphError(f"{path} is not the one its description names: it is damaged or was replaced")
    return data


def _says_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(
        words in str(error)
        for words in ("out of memory", "not enough memory", "can't allocate memory", "Failed to allocate", "bad alloc")
    )
