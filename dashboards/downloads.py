"""Figures as a file for the LA's analysts. Aggregates only: what is offered lies in the server's memory until the session ends."""

import polars as pl
import streamlit as st

from dashboards.frame import Frame


def download(frame: Frame, data: pl.DataFrame, name: str) -> None:
    """A button that saves the figures as CSV, `name` first in the file's name, and a word on who may have it."""
    dated = data.with_columns(published=pl.lit(f"{frame.published_at:%Y-%m-%d %H:%M}"))
    st.download_button(
        "Download every term (CSV)",
        data=dated.write_csv(include_bom=True).encode(),
        file_name=f"{name}_analysts_only.csv",
        mime="text/csv",
    )
    st.caption("For the LA's analysts: small numbers are not suppressed, so do not pass it on.")
