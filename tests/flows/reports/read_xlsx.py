"""Reads a spreadsheet as openpyxl does, and prints its sheets, each cell with its type and format, as JSON."""

import datetime
import io
import json
import sys

import openpyxl

book = openpyxl.load_workbook(io.BytesIO(sys.stdin.buffer.read()), read_only=False)


def plain(value):
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value


sheets = {
    sheet.title: [[[plain(cell.value), cell.data_type, cell.number_format] for cell in row] for row in sheet.iter_rows()] for sheet in book.worksheets
}
json.dump(sheets, sys.stdout)
