"""Files into proof: the bag, the manifest, the chain."""
