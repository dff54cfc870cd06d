import gc

import pytest

from glm_openrouter._http import sync_pool
from support.models import MAKERS, ModelClass


@pytest.fixture(params=list(MAKERS))
def model_class(request):
    """The core, both classes for LangChain and the one for LlamaIndex, one after the other."""
    return ModelClass(request.param)


@pytest.fixture
def _alone():
    """See that no instance of another test still uses the shared pool, which would keep it open.

    Frameworks keep some: LangGraph's `RunnableLambda` caches what its functions refer to.
    """
    gc.collect()
    for user in [user for pool in sync_pool._pool for user in pool.users]:
        sync_pool.release_sync_client(user)
