"""A local analytics warehouse over Weights & Biases runs."""
