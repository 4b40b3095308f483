"""What was planned: protocols in TOML, checked strictly, with every problem reported together."""

from hepatrial.protocol.definitions import DEFINITIONS, Definition
from hepatrial.protocol.fields import Dose
from hepatrial.protocol.library import (
    list_protocols,
    load_protocol,
    new_protocol,
    protocol_schema,
    protocol_text,
)
from hepatrial.protocol.products import PRODUCTS, Product
from hepatrial.protocol.protocol import SECTIONS, Protocol, protocol_from_dict
from hepatrial.protocol.sections import (
    Arm,
    Assumption,
    Care,
    Delay,
    Dosing,
    Limit,
    Noise,
    PlasmaExchange,
    Visit,
    Wish,
)

__all__ = [
    "DEFINITIONS",
    "PRODUCTS",
    "SECTIONS",
    "Arm",
    "Assumption",
    "Care",
    "Definition",
    "Delay",
    "Dose",
    "Dosing",
    "Limit",
    "Noise",
    "PlasmaExchange",
    "Product",
    "Protocol",
    "Visit",
    "Wish",
    "list_protocols",
    "load_protocol",
    "new_protocol",
    "protocol_from_dict",
    "protocol_schema",
    "protocol_text",
]
