"""From one data set to another: writers of the three layouts."""
