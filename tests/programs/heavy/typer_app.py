"""typer: a command line made of a function."""

import typer


def main(x: int = 3) -> None:
    print("x is", x)
    raise typer.Exit(5)


if __name__ == "__main__":
    typer.run(main)
