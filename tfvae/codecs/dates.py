"""Dates as numbers, and back."""

import numpy as np
import pandas as pd

_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d", "%d.%m.%Y")
_LOOKED_AT = 50  # values of a column, before all of them


def date_format(present):
    """How a column's dates are written: "datetime" for pandas' own, a format for text; empty where it holds no dates."""
    if pd.api.types.is_datetime64_any_dtype(present):
        return "datetime"
    if pd.api.types.is_numeric_dtype(present) or not isinstance(present.iloc[0], str):
        return ""
    for form in _FORMATS:
        few = pd.to_datetime(present.iloc[:_LOOKED_AT], format=form, errors="coerce")
        if few.notna().all() and pd.to_datetime(present, format=form, errors="coerce").notna().all():
            return form
    return ""


def seconds_of(series, date):
    """Seconds since 1970 of dates, NaN where there is none."""
    when = series if date == "datetime" else pd.to_datetime(series, format=date, errors="coerce")
    when = pd.to_datetime(when, utc=True, errors="coerce")
    seconds = (when - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(1, "s")
    return seconds.to_numpy("float64", na_value=np.nan)


def dates_of(seconds, date, dtype):
    when = pd.to_datetime(pd.Series(seconds).round(6), unit="s", utc=True)
    if date == "datetime":
        return when.astype(dtype) if "," in dtype else when.dt.tz_localize(None).astype(dtype)
    return when.dt.strftime(date)
