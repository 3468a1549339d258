"""What several commands share: flags, their values, errors and progress."""
