import gc

import pytest

from support.models import MAKERS, ModelClass


@pytest.fixture(params=list(MAKERS))
def model_class(request):
    """The core, both classes for LangChain and the one for LlamaIndex, one after the other."""
    return ModelClass(request.param)


@pytest.fixture
def _alone():
    """See that no instance of another test still uses the shared pool, which would keep it open."""
    gc.collect()
