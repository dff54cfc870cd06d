"""Answers of a model for the rows of a Ray dataset, on one machine or on many: `ask`.

It needs the extra: `pip install "glm-openrouter[ray]"`.
"""

try:
    from .dataset import ask
except ModuleNotFoundError as error:
    if error.name not in ("ray", "pyarrow"):
        raise
    raise ModuleNotFoundError(
        'Ray is missing: pip install "glm-openrouter[ray]"', name=error.name
    ) from error

__all__ = ["ask"]
