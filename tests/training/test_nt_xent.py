"""The contrastive loss against a plain loop, a closed form, symmetry, and the same batch in two processes."""

import math

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from training.nt_xent import nt_xent


def _views(count: int = 6, width: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator), torch.randn(count, width, generator=generator)


def _plain_loop(
    z1: Tensor, z2: Tensor, temperature: float, decoupled: bool = False, groups: list[int] | None = None
) -> float:
    """Equation 1 of SimCLR and equation 6 of DCL, one pair of views after the other."""
    views = [v / v.norm() for v in (*z1.double(), *z2.double())]
    count = len(z1)
    patients = [*groups, *groups] if groups else None
    total = 0.0
    for i in range(2 * count):
        partner = (i + count) % (2 * count)
        positive = math.exp(float(views[i] @ views[partner]) / temperature)
        denominator = 0.0 if decoupled else positive
        for k in range(2 * count):
            same_patient = patients is not None and patients[i] == patients[k]
            if k not in (i, partner) and not same_patient:
                denominator += math.exp(float(views[i] @ views[k]) / temperature)
        total -= math.log(positive / denominator)
    return total / (2 * count)


@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("groups", [None, [0, 1, 0, 2, 3, 3]])
def test_it_equals_a_plain_loop(decoupled: bool, groups: list[int] | None) -> None:
    z1, z2 = _views()
    loss = nt_xent(z1, z2, 0.3, decoupled=decoupled, groups=torch.tensor(groups) if groups else None)
    assert float(loss) == pytest.approx(_plain_loop(z1, z2, 0.3, decoupled, groups), rel=1e-5)


def test_orthogonal_images_with_equal_views_have_the_closed_form() -> None:
    count, temperature = 7, 0.5
    z = torch.eye(count)
    expected = math.log(math.exp(1 / temperature) + 2 * (count - 1)) - 1 / temperature
    assert float(nt_xent(z, z, temperature)) == pytest.approx(expected, rel=1e-5)
    decoupled = math.log(2 * (count - 1)) - 1 / temperature
    assert float(nt_xent(z, z, temperature, decoupled=True)) == pytest.approx(decoupled, rel=1e-5)


@pytest.mark.parametrize("decoupled", [False, True])
def test_the_order_of_views_and_of_images_does_not_matter(decoupled: bool) -> None:
    z1, z2 = _views()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    loss = nt_xent(z1, z2, 0.2, decoupled=decoupled)
    torch.testing.assert_close(nt_xent(z2, z1, 0.2, decoupled=decoupled), loss)
    torch.testing.assert_close(nt_xent(z1[order], z2[order], 0.2, decoupled=decoupled), loss)


def test_only_the_direction_of_projections_counts() -> None:
    z1, z2 = _views()
    torch.testing.assert_close(nt_xent(5 * z1, 0.1 * z2, 0.2), nt_xent(z1, z2, 0.2))


def test_patients_of_one_image_each_change_nothing() -> None:
    z1, z2 = _views()
    torch.testing.assert_close(nt_xent(z1, z2, 0.2, groups=torch.arange(6)), nt_xent(z1, z2, 0.2))


def test_half_precision_projections_are_computed_in_float32() -> None:
    z1, z2 = (z.bfloat16() for z in _views())
    assert nt_xent(z1, z2, 0.05).dtype == torch.float32


def test_wrong_shapes_and_temperatures_are_refused() -> None:
    z1, z2 = _views()
    with pytest.raises(ValueError, match="same shape"):
        nt_xent(z1, z2[:-1], 0.2)
    with pytest.raises(ValueError, match="groups"):
        nt_xent(z1, z2, 0.2, groups=torch.arange(5))
    with pytest.raises(ValueError, match="temperature"):
        nt_xent(z1, z2, 0.0)


def test_a_decoupled_loss_without_negatives_is_refused() -> None:
    z1, z2 = _views()
    with pytest.raises(ValueError, match="no negative"):
        nt_xent(z1[:1], z2[:1], 0.2, decoupled=True)
    with pytest.raises(ValueError, match="no negative"):
        nt_xent(z1, z2, 0.2, decoupled=True, groups=torch.zeros(6, dtype=torch.int64))


VARIANTS = [(False, False), (True, True)]  # decoupled, grouped


def _one_of_two(rank: int, rendezvous: str, out: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    found = []
    for decoupled, grouped in VARIANTS:
        images, weight, groups = _batch()
        mine = slice(rank * 4, rank * 4 + 4)
        weight.requires_grad_()
        z1, z2 = images[0, mine] @ weight, images[1, mine] @ weight
        z1.retain_grad()
        loss = nt_xent(z1, z2, 0.3, decoupled=decoupled, groups=groups[mine] if grouped else None)
        loss.backward()
        assert weight.grad is not None
        dist.all_reduce(weight.grad)  # as DDP: the mean over processes
        found.append({"loss": loss.detach(), "weight": weight.grad / 2, "z1": z1.grad})
    torch.save(found, f"{out}.{rank}")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Tensor]]]:
    """What each of two processes found, variant by variant."""
    folder = tmp_path_factory.mktemp("two")
    out = folder / "gradients"
    mp.spawn(_one_of_two, (str(folder / "rendezvous"), str(out)), nprocs=2)
    return [torch.load(f"{out}.{rank}", weights_only=True) for rank in (0, 1)]


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(2, 8, 6, generator=generator)
    groups = torch.tensor([0, 1, 2, 3, 0, 4, 2, 5])  # patients on both sides of the cut
    return images, torch.randn(6, 4, generator=generator), groups


@pytest.mark.parametrize("variant", range(len(VARIANTS)))
def test_two_processes_give_the_loss_and_the_gradients_of_one(
    of_two: list[list[dict[str, Tensor]]], variant: int
) -> None:
    decoupled, grouped = VARIANTS[variant]
    parts = [found[variant] for found in of_two]
    images, weight, groups = _batch()
    weight.requires_grad_()
    z1, z2 = images[0] @ weight, images[1] @ weight
    z1.retain_grad()
    loss = nt_xent(z1, z2, 0.3, decoupled=decoupled, groups=groups if grouped else None)
    loss.backward()
    torch.testing.assert_close((parts[0]["loss"] + parts[1]["loss"]) / 2, loss.detach())
    torch.testing.assert_close(torch.cat([part["z1"] for part in parts]) / 2, z1.grad)
    for part in parts:
        torch.testing.assert_close(part["weight"], weight.grad)
