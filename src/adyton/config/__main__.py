"""Write docs/configuration.md to standard output."""

import sys

from adyton.config.page import page

sys.stdout.write(page())
