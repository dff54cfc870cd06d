import gc

import pytest

from support.every_class import MAKERS, Surface


@pytest.fixture(params=list(MAKERS))
def surface(request):
    """The core, both classes for LangChain and the one for LlamaIndex, one after the other."""
    return Surface(request.param)


@pytest.fixture
def _alone():
    """See that no instance of another test still uses the shared pool, which would keep it open."""
    gc.collect()
