"""Workbooks of every format: cells that have types of their own.

`excel_files` finds the sheet and its headings, `sheet_page` converts rows of cells to pages, `cell_values` a single
cell. Cells with an error are found by `workbook.error_cells`.
"""
