"""Networks: their description, their training by Keras and their prediction by ONNX Runtime."""
