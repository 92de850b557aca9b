"""Fields of a JSON object, each of the one type that it may have; `null` and nothing are the same.

An error names the field and never says what stands in it: it may be a password.
"""

from __future__ import annotations

from collections.abc import Mapping

from regbrowse.registry.errors import ConfigError


def object_in(value: object, what: str) -> Mapping[str, object]:
    """The JSON object that `value` has to be.

    Args:
        value: What JSON was decoded to.
        what: The object's name, for the error.

    Raises:
        ConfigError: It is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f"{what} has to be a JSON object.")
    return value


def _field(fields: Mapping[str, object], name: str) -> object:
    """The field called `name`; as Go reads JSON, one that is spelled in another case will do."""
    if name in fields:
        return fields[name]
    return next((value for key, value in fields.items() if key.lower() == name.lower()), None)


def text_in(fields: Mapping[str, object], name: str) -> str:
    """The text called `name`; empty if there is none.

    Raises:
        ConfigError: It is no text.
    """
    value = _field(fields, name)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name} has to be a text.")
    return value or ""


def texts_in(fields: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The list of texts called `name`; empty if there is none.

    Raises:
        ConfigError: It is no list, or something in it is no text.
    """
    value = _field(fields, name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f"{name} has to be a list of texts.")
    return tuple(value)


def flag_in(fields: Mapping[str, object], name: str) -> bool:
    """Whether `name` is true; false if it is not there.

    Raises:
        ConfigError: It is neither true nor false.
    """
    value = _field(fields, name)
    if value is not None and not isinstance(value, bool):
        raise ConfigError(f"{name} has to be true or false.")
    return bool(value)
