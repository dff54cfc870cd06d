"""Faults of the frameworks that break tests of ours, whatever the model: which versions have them, and how one notices.

The marks are strict: on the day on which a framework is mended, its tests pass and so fail, and the mark goes, and with
it the upper bound in pyproject.toml that keeps the fault from users.
"""

from importlib.metadata import version

import pytest
from packaging.version import Version

CHAT_MEMORY_IS_NOT_STORED = pytest.mark.xfail(
    Version(version("pydantic")) >= Version("2.14"),
    reason="llama-index-core (0.14.16 to 0.14.25) hands the information for serializers on as the key of an index, "
    "`handler(chat_message, info)` in simple_chat_store.py; pydantic refuses that since 2.14.0: "
    "https://github.com/pydantic/pydantic/issues/11862",
)
"""`ChatMemoryBuffer` and `SimpleChatStore` cannot be serialised; `Context.to_dict` leaves an agent's memory out."""
