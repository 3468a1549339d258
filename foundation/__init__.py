"""What the other packages stand on: whole files, tensor files, compiled kernels, threads."""
