import pytest

from support.surfaces import SURFACES, Surface


@pytest.fixture(params=SURFACES, ids=str)
def surface(request: pytest.FixtureRequest) -> Surface:
    """All ways to ask, one after the other."""
    return request.param
