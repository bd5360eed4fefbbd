"""Names of gates."""

GATES = ["input_gate", "forget_gate", "output_gate", "candidate", "cell", "output"]
TITLES = ["input gate", "forget gate", "output gate", "candidate", "cell", "output"]
