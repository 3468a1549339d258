"""What goes wrong with files of weights."""


class WeightsError(ValueError):
    """A weights file cannot be used; the message names the file, the fault and the remedy."""
