"""A run as one archive that another machine can check: written, read back, simulated anew, compared."""

from hepatrial.bundle.check import BundleCheck, check_bundle
from hepatrial.bundle.write import write_bundle

__all__ = ["BundleCheck", "check_bundle", "write_bundle"]
