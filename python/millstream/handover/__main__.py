"""`python -m millstream.handover --engine flink|spark --master ADDRESS job.py [ARGUMENT...]`."""

from __future__ import annotations

import argparse
import sys

from millstream.handover import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m millstream.handover", description="Hands a program to a cluster."
    )
    parser.add_argument("--engine", required=True, help="flink or spark")
    parser.add_argument(
        "--master", required=True, help="host:8081 of a Flink session cluster, or spark://host:7077"
    )
    parser.add_argument("script", help="the Python program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the program finds in sys.argv")
    told = parser.parse_args()
    sys.exit(main(told.engine, told.master, told.script, told.arguments))
