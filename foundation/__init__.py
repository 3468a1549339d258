"""What the other packages stand on: files, tensors, caches, compiled kernels and networks."""
