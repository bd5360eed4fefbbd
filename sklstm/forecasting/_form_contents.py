"""What a model file holds of a long frame fits together, and fits to its network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sklstm._parameters import LARGEST_INT
from sklstm.forecasting._covariates import CALENDAR, CategoryColumn, NumberColumn
from sklstm.forecasting._panel import Roles
from sklstm.network.spec import NetworkSpec
from sklstm.persistence._checks import check_array, check_type, is_count, shown

if TYPE_CHECKING:
    from sklstm.forecasting._panel_form import PanelForm

COLUMNS_OF = ("known", "observed", "static")
MAX_FREQUENCY = 50  # characters


def check_form(form: PanelForm, spec: NetworkSpec, place: str) -> None:
    """Check a form whose fields are those of its class.

    Raises
    ------
    ValueError
        If a field is not valid, or not what the network reads and puts out.
    """
    _check_roles(form.roles, f"{place}.roles")
    _check_steps(form, place)
    _check_quantiles(form, place)
    for role in COLUMNS_OF:
        _check_columns(getattr(form, role), getattr(form.roles, role), f"{place}.{role}")
    if form.offsets is not None:
        check_array(form.offsets, (form.horizon, form.n_quantiles), f"{place}.offsets")
        if form.offsets.dtype != np.float64 or not np.isfinite(form.offsets).all():
            raise ValueError(f"{place}.offsets holds what is no finite number")
    sizes = (form.horizon, form.n_outputs, form.n_features, form.n_direct)
    if sizes != (spec.horizon, spec.n_outputs, spec.n_features, spec.n_direct) or spec.reads_tokens:
        raise ValueError(f"{place} is not what its network reads: {shown(spec, 200)}")


def _check_roles(roles: Any, place: str) -> None:
    check_type(roles, (Roles,), place)
    lists = (roles.series, *(getattr(roles, role) for role in COLUMNS_OF))
    are_tuples = all(isinstance(columns, tuple) for columns in lists)
    names = (roles.target, roles.time, *(name for columns in lists for name in columns))
    if not are_tuples or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{place} are no names of columns: {shown(roles, 200)}")
    covariates = (roles.target, roles.time, *roles.known, *roles.observed, *roles.static)
    if len(set(covariates)) < len(covariates):
        raise ValueError(f"{place} names a column twice: {shown(roles, 200)}")


def _check_steps(form: PanelForm, place: str) -> None:
    """Check the numbers of time steps, and what stands beside them."""
    for name in ("horizon", "lookback", "level_steps"):
        if not _is_step_count(getattr(form, name)):
            raise ValueError(f"{place}.{name} is {shown(getattr(form, name))}")
    lags = form.lags
    are_lags = isinstance(lags, tuple) and all(_is_step_count(lag, form.horizon) for lag in lags)
    if not are_lags or list(lags) != sorted(set(lags)):
        raise ValueError(f"{place}.lags are {shown(lags)}")
    calendar = form.calendar
    is_calendar = isinstance(calendar, tuple) and all(isinstance(each, str) for each in calendar)
    if not is_calendar or not set(calendar) <= set(CALENDAR) or len(set(calendar)) < len(calendar):
        raise ValueError(f"{place}.calendar is {shown(calendar)}, valid are some of {[*CALENDAR]}")
    frequency = form.frequency
    is_alias = isinstance(frequency, str) and len(frequency) <= MAX_FREQUENCY
    if not is_alias and not (_is_number(frequency) and frequency > 0):
        raise ValueError(f"{place}.frequency is {shown(frequency)}")


def _check_quantiles(form: PanelForm, place: str) -> None:
    for name in ("quantiles", "shown"):
        values = getattr(form, name)
        are_shares = isinstance(values, tuple) and all(
            isinstance(q, float) and 0 < q < 1 for q in values
        )
        if not are_shares or list(values) != sorted(set(values)):
            raise ValueError(f"{place}.{name} are {shown(values)}")
    if not {0.5, *form.shown} <= set(form.quantiles):
        raise ValueError(f"{place}.quantiles are {form.quantiles}, and {form.shown} are shown")


def _check_columns(columns: Any, names: tuple[str, ...], place: str) -> None:
    """Check how the covariates of a role become numbers."""
    check_type(columns, (dict,), place)
    if tuple(columns) != names:
        raise ValueError(f"{place} are the columns {shown([*columns])}, its roles are {names}")
    for name, column in columns.items():
        where = f"{place}[{shown(name)}]"
        check_type(column, (NumberColumn, CategoryColumn), where)
        is_number = isinstance(column, NumberColumn)
        if not (_is_scale(column) if is_number else _are_categories(column.categories)):
            raise ValueError(f"{where} is {shown(column)}")


def _is_scale(column: NumberColumn) -> bool:
    is_scaled = _is_number(column.mean) and _is_number(column.scale) and column.scale > 0
    return is_scaled and isinstance(column.has_flag, bool)


def _are_categories(categories: Any) -> bool:
    if not isinstance(categories, tuple):
        return False
    are_values = all(isinstance(each, str | int | float | np.generic) for each in categories)
    return are_values and len(set(categories)) == len(categories)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _is_step_count(value: Any, least: int = 1) -> bool:
    return is_count(value, least) and value <= LARGEST_INT
