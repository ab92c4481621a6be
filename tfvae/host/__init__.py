"""What TensorFlow, Keras and TFP must be told."""
