"""``python -m adyton`` is ``adyton``."""

from adyton.cli.main import main

main(prog_name="adyton")
