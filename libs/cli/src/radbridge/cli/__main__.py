"""``python -m radbridge.cli``."""

from radbridge.cli.main import main

main()
