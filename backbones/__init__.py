"""GoogLeNet as published in 2014, its ImageNet weights and its input.

Names are loaded when they are asked for: most need PyTorch, the layout and the input do not.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
