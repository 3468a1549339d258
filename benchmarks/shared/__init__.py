"""What several benchmarks, or long ones, are made of."""
