"""``python -m detector`` is ``inception-rcnn``."""

import sys

from detector.commands.main import main

if __name__ == "__main__":
    sys.exit(main(program="python -m detector"))
