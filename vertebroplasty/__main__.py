"""``python -m vertebroplasty``: the command ``vertebroplasty``."""

from experiments.cli.main import main

if __name__ == "__main__":
    main()
