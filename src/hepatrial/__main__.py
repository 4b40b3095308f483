"""``python -m hepatrial`` is the command line."""

from hepatrial.cli import main

if __name__ == "__main__":
    main()
