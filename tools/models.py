"""The same as ``inception-rcnn models``, in a clone of the repository."""

import sys

from _launch import launch

if __name__ == "__main__":
    sys.exit(launch("models"))
