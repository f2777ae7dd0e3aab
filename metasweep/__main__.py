"""python -m server [serve] …: without a command, serve."""

import sys

from server.cli import main
from server.key_commands import key

main.add_command(key)

if __name__ == "__main__":
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in (*main.commands, "-h", "--help"):
        arguments = ["serve", *arguments]
    main(arguments, prog_name="python -m server")
