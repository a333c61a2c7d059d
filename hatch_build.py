"""The build hook: compiles the native engine into the package. Without a compiler the package is built without it."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILDING = Path("src", "goodfit", "training", "engines", "native", "building.py")


class NativeHook(BuildHookInterface):
    """Puts the library beside its Python code; a wheel that holds it is tagged for this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling: called before a wheel (or, with version "editable", an editable one) is put together."""
        root = Path(self.root)
        spec = importlib.util.spec_from_file_location("building", root / BUILDING)
        assert spec is not None
        assert spec.loader is not None
        building = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(building)
        try:
            library = building.build()
        except (building.BuildError, OSError) as error:
            building.LIBRARY.unlink(missing_ok=True)
            self.app.display_warning(
                f"The native engine was not built ({error}); goodfit works without it, and trains small multilayer "
                "perceptrons more slowly. Install a C++ compiler and install goodfit again."
            )
            return
        build_data["artifacts"].append(str(library.relative_to(root)))
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
