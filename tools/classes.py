"""The same as ``inception-rcnn classes``, in a clone of the repository."""

import sys

from _launch import launch

if __name__ == "__main__":
    sys.exit(launch("classes"))
