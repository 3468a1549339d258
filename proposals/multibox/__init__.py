"""MultiBox (Erhan et al., CVPR 2014): one look of a network at the image gives proposals.

What runs on PyTorch is loaded when it is asked for, and so are the engines.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
