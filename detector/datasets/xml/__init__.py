"""Trees with an XML file per image, as ILSVRC DET and PASCAL VOC have them."""
