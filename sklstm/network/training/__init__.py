"""Training: importing this package loads nothing, importing `trainer` loads TensorFlow."""
