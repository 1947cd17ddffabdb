"""The process that makes one file: its task is the first line of its input, the rows are what follows."""

import csv
import io
import sys
from typing import BinaryIO

import msgspec

from houfu.statements.rendering import Task


def main(source: BinaryIO) -> None:
    """Make the file that `source` asks for."""
    task = msgspec.json.decode(source.readline(), type=Task)
    rows = csv.reader(io.TextIOWrapper(source, encoding="utf-8", newline=""))
    if task.format == "xlsx":
        from houfu.statements.workbook import write_workbook

        write_workbook(task.path, task.table, rows, language=task.language)
    else:
        from houfu.statements.paper import write_paper

        write_paper(task.path, task.table, rows, language=task.language, about=task.about)


if __name__ == "__main__":
    main(sys.stdin.buffer)
