"""`python -m sklstm`."""

from sklstm._cli import main

if __name__ == "__main__":
    raise SystemExit(main())
