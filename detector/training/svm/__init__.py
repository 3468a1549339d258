"""R-CNN's linear SVMs in place of a member's softmax."""
