"""An exit with words."""

import sys

sys.exit("no data here")
