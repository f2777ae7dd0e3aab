"""A crash below Python."""

import os

os.abort()
