"""Restyling without torch: numpy and onnxruntime on one bundle."""
