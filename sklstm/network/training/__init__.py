"""The training of networks. Importing `trainer` loads TensorFlow; this package alone does not."""
