"""Settings: one table, read once at start, checked as a whole."""

from adyton.config.setting import DEFAULT, Setting
from adyton.config.settings import LATER, Config, settings

__all__ = ["DEFAULT", "LATER", "Config", "Setting", "settings"]
