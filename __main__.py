"""``python -m dakota_wh``."""

from dakota_wh.cli import main

if __name__ == "__main__":
    main()
