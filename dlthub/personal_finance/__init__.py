"""Exports of two bank accounts and receipts on paper: a sample of how sources of different shapes serve one use.

Purpose: every payment in one table, from any bank; the rows of each source are kept unchanged, in every version.
Owner: team:data-platform.
Origin: made-up files in `files/`: a Dutch bank's CSV (semicolons, decimal commas), a British one's (money in and money
out), and receipts as PDF. Put exports of your own there, in the same shape.

    files/checking.csv -> the reader of files -> hub and satellites in raw -> dbt fct_transactions
    files/savings.csv, receipts/*.pdf -> data.py, for the sign of their amounts -> the same
"""

from pathlib import Path

FILES = Path(__file__).parent / "files"
