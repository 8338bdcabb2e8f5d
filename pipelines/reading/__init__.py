"""Workbook or ZIP -> rows as text -> typed rows."""
