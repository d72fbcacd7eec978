"""All that a plugin imports: public names, each taken from the module that defines it when it is first asked for.

from ebmbench.api import EnergyKind, GradientMethod, MethodSpec, Strategy, hookimpl

The one table of them is the stub beside this file.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("ebmbench", __file__)
