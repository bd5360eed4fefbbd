"""The command line: `python -m sklstm`."""
