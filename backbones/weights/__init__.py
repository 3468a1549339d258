"""ImageNet weights as others publish them: Caffe's and torchvision's files."""
