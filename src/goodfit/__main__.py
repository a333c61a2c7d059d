"""`python -m goodfit` is the command `goodfit`."""

import sys

from goodfit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
