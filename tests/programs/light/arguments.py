"""argparse: the program's name in a message of error."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--y", type=int, required=True)
parser.parse_args()
