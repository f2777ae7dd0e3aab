"""logging and warnings: what is printed, in which order."""

import logging
import sys
import warnings

warnings.warn("mind the step")
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
logging.getLogger("mine").info("hello %d", 3)
logging.getLogger().warning("careful")
print(logging.root.manager.loggerDict.keys() - {"mine"} if False else len(logging.root.handlers))
