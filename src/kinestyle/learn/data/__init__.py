"""Motion files into arrays to learn from: labels, splits, features, pairs."""
