"""The products and routes that a protocol may name.

What a product does stands on its cards (``hepatrial.model.products``). No effect is borrowed between products
unless a line of a regimen says so (``borrow_from``).
"""

from __future__ import annotations

from typing import Literal

from hepatrial.model.products import Product, load_products

ProductName = Literal[
    "bm_msc_allogeneic",
    "bm_msc_autologous",
    "uc_msc",
    "at_msc",
    "halpc",
    "cd133",
    "cd34_cd133",
    "bm_mnc",
    "msc_vesicles",
    "g_csf",
]
Route = Literal["peripheral_vein", "hepatic_artery", "portal_vein", "intrasplenic", "subcutaneous"]

PRODUCTS: dict[str, Product] = dict(load_products())

__all__ = ["PRODUCTS", "Product", "ProductName", "Route"]
