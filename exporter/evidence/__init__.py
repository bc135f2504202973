"""Files into proof: the bag and its manifests, signature and time stamp, the chain and what it covers."""
