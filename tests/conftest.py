from __future__ import annotations

from hypothesis import settings

# No deadlines: a kernel's first call compiles it, and machines that run tests are busy.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
