"""`python -m regbrowse`."""

import gc
import sys

gc.disable()  # until the first paint: a sixth of the start is the collector looking at modules

from regbrowse.cli import main

sys.exit(main())
