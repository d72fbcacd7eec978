"""From the names in a suite to components: what the catalog has of them, with its parameters checked."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.method import Method
from ebmbench.contracts.records import DatasetSpec, MetricSpec, Protocol, Track, flat_name
from ebmbench.datasets.files import RowsError
from ebmbench.datasets.table import Table
from ebmbench.errors import SuiteError, UsageError, one_line, suggest
from ebmbench.identity.canonical import canonical
from ebmbench.identity.keys import metric_code
from ebmbench.planning.gone import to_find_again
from ebmbench.planning.templates import ResolvedComponent
from ebmbench.planning.user_data import EntryError, user_table
from ebmbench.store.folders import Store
from ebmbench.store.records import MetricCell
from ebmbench.suite.schema import Suite, SuiteEntry
from ebmbench.suite.source import Location, Source
from ebmbench.training.stream import held_out_sizes

BASES: dict[str, type[BaseModel]] = {"methods": Method, "datasets": Dataset}


class Resolver:
    """Finds what a suite names.

    Every member raises ``SuiteError``, with the place in the suite, for what is not there or not as it should be.
    """

    def __init__(self, suite: Suite, source: Source, catalog: Catalog, store: Store) -> None:
        self.suite, self.source, self.catalog, self.store = suite, source, catalog, store
        self.protocol = Protocol()

    def components(self, component_type: str) -> list[ResolvedComponent]:
        """The ``methods`` or ``datasets``: each entry with each point of its grid."""
        entries: tuple[SuiteEntry, ...] = getattr(self.suite, component_type)
        seen: set[str] = set()
        for index, entry in enumerate(entries):
            if entry.row in seen:
                message = f"two {component_type} are called '{entry.row}'; give one of them a label"
                raise self.source.error(message, (component_type, index))
            seen.add(entry.row)
        return [c for index, entry in enumerate(entries) for c in self._of_entry((component_type, index), entry)]

    def track(self, dataset: ResolvedComponent) -> Track:
        """What a dataset is judged by."""
        place = ("datasets", self.suite.datasets.index(dataset.entry))
        try:
            track: Track = self.catalog.find("tracks", dataset.instance.track).spec
        except UsageError as error:
            raise self.source.error(f"{dataset.entry.name}: {error}", place) from None
        except Exception as error:  # noqa: BLE001 - a plugin's property may raise anything
            raise self.source.error(f"{dataset.entry.name}: {one_line(error)}", place) from None
        return track

    def in_order(self, tracks: Iterable[Track]) -> tuple[Track, ...]:
        """The tracks, each once, in the order of the catalog."""
        held = {track.name for track in tracks}
        return tuple(entry.spec for name, entry in self.catalog.tracks.items() if name in held)

    def metrics(self, tracks: Iterable[Track]) -> tuple[MetricCell, ...]:
        """What is measured: a set by its name, or the metrics that are named and what the tracks cannot do without.

        ``core`` has besides what the tables of the tracks show.
        """
        wanted, offers = self.suite.metrics, self.catalog.metrics
        if wanted == "all":
            names = list(offers)
        elif wanted == "core":
            shown = {name for track in tracks for name in track.shown}
            names = [n for n, offer in offers.items() if offer.spec.in_core or shown & set(_flat_names(offer.spec))]
        else:
            needed = {name for track in tracks for name in track.needed}
            always = [name for name, offer in offers.items() if needed.intersection(_flat_names(offer.spec))]
            names = list(dict.fromkeys((*always, *wanted)))
        return tuple(self._metric(name) for name in names)

    def _metric(self, name: str) -> MetricCell:
        try:
            offer: CatalogEntry[MetricSpec] = self.catalog.find("metrics", name)
        except UsageError as error:
            place = (self.suite.metrics.index(name),) if name in self.suite.metrics else ()
            raise self.source.error(self._gone("metrics", name) or str(error), ("metrics", *place)) from None
        spec = offer.spec
        shared = ("name", "summary", "unit", "direction", "variants", "why_not", "on_board")
        return MetricCell(
            **{name: getattr(spec, name) for name in shared},
            target=offer.target,
            owner=offer.owner,
            file=self._kept(offer),
            kinds=tuple(sorted(spec.kinds)),
            code=metric_code(offer.target, self.protocol),
        )

    def _of_entry(self, location: Location, entry: SuiteEntry) -> Iterator[ResolvedComponent]:
        component_type = str(location[0])
        if entry.file is not None:
            yield self._user_data(component_type, entry, location)
            return
        offer = self._found(component_type, entry, location)
        cls, base = offer.load(), BASES[component_type]
        if not (isinstance(cls, type) and issubclass(cls, base)):
            message = f"{component_type[:-1]} '{entry.name}': {offer.target} of {offer.owner} is no {base.__name__}"
            raise self.source.error(message, location)
        for values in itertools.product(*entry.grid.values()):
            point = dict(zip(entry.grid, values, strict=True))
            instance = self._instance(cls, {**offer.spec.params, **entry.params, **point}, entry, location)
            name = ",".join(f"{key}={value}" for key, value in point.items())
            yield ResolvedComponent(entry, offer, instance, name, self._kept(offer))

    def _found(self, component_type: str, entry: SuiteEntry, location: Location) -> CatalogEntry[Any]:
        if entry.select:
            known = [
                n for offer in self.catalog.metrics.values() if offer.spec.selects for n in _flat_names(offer.spec)
            ]
            if entry.select not in known:
                hint = f"{suggest(entry.select, known)}: choices are made on validation data only"
                raise self.source.error(f"cannot select by '{entry.select}'{hint}", (*location, "select"))
        try:
            return self.catalog.find(component_type, entry.name)
        except UsageError as error:
            message = self._gone(component_type, entry.name) or str(error)
            if component_type == "datasets" and "file" in entry.params:
                message = f"own data have a file and no name; call them 'label: {entry.name}'"
            raise self.source.error(message, (*location, "name")) from None

    def _gone(self, component_type: str, name: str) -> str:
        """What to say of a name that earlier runs had from a plugin which is there no more; empty for any other."""
        again = "" if (component_type, name) in self.catalog.taken else to_find_again(self.store, component_type, name)
        return again and f"unknown {component_type[:-1]} '{name}'{again}"

    def _instance(self, cls: Any, params: dict[str, Any], entry: SuiteEntry, location: Location) -> BaseModel:
        try:
            instance: BaseModel = cls(**params)
            canonical(instance.model_dump(mode="json"))
        except ValidationError as error:
            raise self._field_error(error, cls, location, entry) from None
        except Exception as error:  # noqa: BLE001 - a plugin's validator may raise anything
            raise self.source.error(f"{entry.name}: {one_line(error)}", location) from None
        return instance

    def _field_error(self, error: ValidationError, cls: Any, location: Location, entry: SuiteEntry) -> SuiteError:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        place = (*location, "grid", field) if field in entry.grid else (*location, field)
        if first["type"] == "extra_forbidden":
            return self.source.error(f"{entry.name} has no field '{field}'{suggest(field, cls.model_fields)}", place)
        message = first["msg"].removeprefix("Value error, ")
        message = f"{message[0].lower()}{message[1:]}"
        if not field:  # of all fields together
            return self.source.error(f"{entry.name}: {message}", location)
        shown = f", got {first.get('input')!r}"[:80]
        return self.source.error(f"{entry.name}.{field}: {message}{shown}", place)

    def _user_data(self, component_type: str, entry: SuiteEntry, location: Location) -> ResolvedComponent:
        """The rows of a user's file, which are copied into the store: its workers read nothing else."""
        if component_type != "datasets":
            raise self.source.error("'name' is missing: only datasets are read from a file", location)
        if entry.grid or entry.select:
            raise self.source.error("own data have no grid and nothing to select", location)
        try:
            table, count = user_table(self.store, self.source.folder((*location, "file")), entry)
        except (EntryError, RowsError) as error:
            raise self.source.error(str(error), (*location, error.key)) from None
        for _, point in self.suite.points:
            left = count - sum(held_out_sizes(count, point.data))
            if point.data.train != "stream" and point.data.train > left:
                message = f"train: {point.data.train}: '{entry.row}' has {count} rows, of which {left} are to train on"
                raise self.source.error(message, ("sweep",) if self.suite.sweep else ("data", "train"))
        spec = DatasetSpec(entry.row, Table, f"own data: {entry.name}")
        return ResolvedComponent(entry, CatalogEntry(spec, "ebmbench:datasets"), table, "", None)

    def _kept(self, offer: CatalogEntry[Any]) -> str | None:
        return None if offer.file is None else self.store.keep_plugin(offer.file)


def _flat_names(spec: MetricSpec) -> list[str]:
    return [flat_name(spec.name, variant) for variant in spec.variants]
