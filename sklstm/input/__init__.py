"""Reading what users pass as X, y and weights into the arrays that everything else works on."""
