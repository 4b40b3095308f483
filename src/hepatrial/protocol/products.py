"""The cell products and routes that a protocol may name.

No effect is borrowed between products: a product without parameters of its own is refused by the trial, not
given those of its neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ProductName = Literal[
    "bm_msc_allogeneic", "bm_msc_autologous", "uc_msc", "at_msc", "halpc", "cd133", "cd34_cd133", "bm_mnc"
]
Route = Literal["peripheral_vein", "hepatic_artery", "portal_vein", "intrasplenic"]


@dataclass(frozen=True)
class Product:
    """A cell product.

    Attributes:
        name: as in a protocol file.
        label: English label.
        label_zh: Chinese label.
        msc: whether it is a mesenchymal stromal cell.
        autologous: from the patient: no allo-sensitisation, and each patient is a batch.
        note: what to know before using it.
    """

    name: ProductName
    label: str
    label_zh: str
    msc: bool
    autologous: bool
    note: str


_NOT_BORROWED = "No effect is borrowed from other products by default."

PRODUCTS: dict[str, Product] = {
    product.name: product
    for product in (
        Product(
            "bm_msc_allogeneic",
            "allogeneic marrow MSC",
            "同种异体骨髓间充质干细胞",
            True,
            False,
            f"Lin 2017. {_NOT_BORROWED}",
        ),
        Product(
            "bm_msc_autologous",
            "autologous marrow MSC",
            "自体骨髓间充质干细胞",
            True,
            True,
            f"Peng 2011. {_NOT_BORROWED}",
        ),
        Product(
            "uc_msc",
            "umbilical-cord MSC",
            "脐带间充质干细胞",
            True,
            False,
            f"Shi 2012. {_NOT_BORROWED}",
        ),
        Product("at_msc", "adipose MSC", "脂肪间充质干细胞", True, False, _NOT_BORROWED),
        Product(
            "halpc",
            "liver-derived progenitor cells (HepaStem)",
            "肝源性祖细胞",
            False,
            False,
            f"Procoagulant; early higher doses were followed by serious bleeding (recalled). {_NOT_BORROWED}",
        ),
        Product(
            "cd133",
            "autologous CD133+ cells",
            "自体 CD133+ 细胞",
            False,
            True,
            f"REALISTIC; a haematopoietic product, no MSC. {_NOT_BORROWED}",
        ),
        Product(
            "cd34_cd133",
            "autologous CD34+/CD133+ cells",
            "自体 CD34+/CD133+ 细胞",
            False,
            True,
            "Zekri 2015 mixes them with MSC-like cells and G-CSF: it identifies no MSC effect."
            f" {_NOT_BORROWED}",
        ),
        Product(
            "bm_mnc",
            "autologous marrow mononuclear cells",
            "自体骨髓单个核细胞",
            False,
            True,
            _NOT_BORROWED,
        ),
    )
}
