"""Compiled models of these tests are kept out of the user's cache."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEPATRIAL_CACHE", str(tmp_path_factory.mktemp("engine-cache")))
        yield
