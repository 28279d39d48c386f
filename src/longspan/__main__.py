"""The command, as `longspan` and as `python -m longspan`."""

import sys


def main() -> None:
    """Runs the command; interrupted before it is there, it ends as later, in one line."""
    try:
        from longspan.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("longspan: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
