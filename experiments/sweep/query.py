"""Questions to the table of a sweep: filters, order, SQL, and a file for a spreadsheet."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from experiments.results.store import in_place_of
from meshes.errors import InputError


def ask(rows: pa.Table, sql: str | None = None, where: str | None = None, sort: str | None = None) -> pa.Table:
    """Ask DuckDB about the table ``cases``; it reads and writes no files.

    Args:
        rows: the table.
        sql: a whole question; by default all columns.
        where: a condition that the rows must meet.
        sort: the column, or the expression, to sort by; largest first with a minus before it.

    Raises:
        InputError: DuckDB does not understand the question.
    """
    question = sql or "select * from cases"
    if where is not None or sort is not None:
        question = f"select * from ({question})"
        question += f" where {where}" if where is not None else ""
        if sort is not None:
            question += f" order by {sort.removeprefix('-')} {'desc' if sort.startswith('-') else 'asc'} nulls last"
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        connection.register("cases", rows)
        try:
            answer = connection.sql(quoted(question, rows.column_names))
        except duckdb.Error as error:
            sentence = str(error).strip().splitlines()[0]
            raise InputError(
                f"DuckDB does not understand {question!r}: {sentence}; the table is 'cases', and 'vertebroplasty "
                "results DIR --columns' lists its columns"
            ) from None
        if answer is None:
            raise InputError(f"{question!r} asks nothing; write a question about the table 'cases', as in 'from cases'")
        return answer.to_arrow_table()


def quoted(question: str, columns: Iterable[str]) -> str:
    """The question with quotation marks around the names of columns that hold dots, which SQL would take apart."""
    names = sorted((re.escape(name) for name in columns if not name.isidentifier()), key=len, reverse=True)
    if not names:
        return question
    pattern = re.compile(rf"""('[^']*'|"[^"]*")|(?<![\w.\]])({"|".join(names)})(?![\w.\[])""")
    return pattern.sub(lambda found: found[1] or f'"{found[2]}"', question)


def write_csv(rows: pa.Table, path: Path, *, decimal_comma: bool = False) -> None:
    """Write a table for spreadsheets: UTF-8 with the mark that Excel looks for, lists as JSON; whole or not at all.

    Args:
        rows: the table.
        path: file to write.
        decimal_comma: numbers as 0,5 and semicolons between the columns, as a spreadsheet wants them in much of Europe
            and South America.

    Raises:
        InputError: a file is there already, or it cannot be written.
    """
    if path.exists():
        raise InputError(f"{path}: is there already and is not replaced; choose another file, or remove it")
    with in_place_of(path) as made, made.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";" if decimal_comma else ",")
        writer.writerow(rows.column_names)
        for row in rows.to_pylist():
            writer.writerow([_written(value, decimal_comma) for value in row.values()])


def _written(value: Any, decimal_comma: bool) -> Any:
    """A value as a spreadsheet reads it."""
    if isinstance(value, list):
        return json.dumps(value)
    return repr(value).replace(".", ",") if decimal_comma and isinstance(value, float) else value
