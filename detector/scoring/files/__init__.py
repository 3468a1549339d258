"""The files that go in and out of scoring."""
