"""Class-agnostic object proposals; usable alone, and light to import.

Names are loaded when they are asked for, so that settings do not wait for the kernels.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
