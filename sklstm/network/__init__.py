"""Networks: what they are, how they train, how they predict."""
