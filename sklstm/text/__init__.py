"""Texts: what a token is, learning to predict the next one, and writing."""
