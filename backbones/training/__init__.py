"""Training by stochastic gradient descent: one loop for classification and for detection."""
