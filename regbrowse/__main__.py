"""`python -m regbrowse`."""

import sys

from regbrowse.cli import main

sys.exit(main())
