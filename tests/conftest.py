"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no fault: no test is about the time of one example.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
