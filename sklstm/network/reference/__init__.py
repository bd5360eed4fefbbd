"""What the fast code computes, written slowly in numpy from the equations, to test against."""
