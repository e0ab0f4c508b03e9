"""The import contract that import-linter has no type for: across apps only a few rooms are open."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields
from importlinter.application import output


class PublicRoomsContract(Contract):
    """A module of one app may import another app's `rooms` (states, models, …) and the modules listed in `also`, no other.

    Options: apps (each with all below it), rooms (names of public modules), also (further public modules, whole).
    """

    type_name = "public_rooms"

    apps = fields.ListField(subfield=fields.StringField())
    rooms = fields.ListField(subfield=fields.StringField())
    also = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        broken = []
        for importer in sorted(graph.modules):
            home = self._app(importer)
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                there = self._app(imported)
                if home and there and home != there and not self._public(imported, there):
                    lines = [
                        row["line_number"] for row in graph.get_import_details(importer=importer, imported=imported)
                    ]
                    broken.append(f"{importer} line {lines[0]} imports {imported}")
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["broken"]:
            output.print_error(line)

    def _app(self, module: str) -> str | None:
        return next((app for app in self._names("apps") if module == app or module.startswith(f"{app}.")), None)

    def _public(self, module: str, app: str) -> bool:
        room = module.removeprefix(f"{app}.").split(".")[0]
        known = any(module == one or module.startswith(f"{one}.") for one in self._names("also"))
        return module == app or room in self._names("rooms") or known

    def _names(self, option: str) -> list[str]:
        """One option as plain text; import-linter fills its declared fields when it reads the contract."""
        return [str(name) for name in getattr(self, option) or []]
