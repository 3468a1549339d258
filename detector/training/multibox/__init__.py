"""Training of MultiBox: views of pictures with their objects, and the run."""
