"""``python -m conexus`` is the command ``conexus``."""

from conexus.cli import main

if __name__ == "__main__":
    main()
