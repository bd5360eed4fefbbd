"""Reads and checks X, y and weights, and turns them into arrays for the rest of the package."""
