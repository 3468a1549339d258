"""Proposals of many images in one Parquet file, and the batch run that makes it."""
