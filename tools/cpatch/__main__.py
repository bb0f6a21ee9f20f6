"""Run the driver: ``python -m cpatch VERB``."""

from cpatch.cli import main

if __name__ == "__main__":
    main()
