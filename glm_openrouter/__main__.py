"""`python -m glm_openrouter`: the same as the command `glm-openrouter`."""

from .cli import main

raise SystemExit(main())
