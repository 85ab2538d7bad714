"""Simulated anatomy: attenuation of a chest, drawn from ellipses and curves, for the demo set."""
