"""The software bill of materials: what is inside the library, in CycloneDX's JSON."""

from __future__ import annotations

import datetime
import json
import uuid

from tools.inventory import OURS, Crate
from tools.layout import version


def bill(crates: list[Crate], target: str, rust: str, when: int, digests: dict[str, str]) -> str:
    """Return the bill; the same content gives the same text.

    `when` is in seconds since 1970, and `digests` has the SHA-256 of each library file.
    """
    main = next(crate for crate in crates if crate.name == OURS)
    others = [crate for crate in crates if crate is not main]
    std = {
        "type": "library",
        "bom-ref": f"pkg:generic/rust-std@{rust}",
        "name": "rust-std",
        "version": rust,
        "description": "The standard library of Rust, linked statically",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "purl": f"pkg:generic/rust-std@{rust}",
    }
    product = _component(main)
    product["properties"] = [{"name": "candle_ffi:target", "value": target}]
    product["components"] = [
        {
            "type": "file",
            "bom-ref": f"file:{name}",
            "name": name,
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }
        for name, digest in sorted(digests.items())
    ]
    needs = {_purl(crate.key): [_purl(key) for key in crate.needs] for crate in crates}
    needs[_purl(main.key)].append(std["bom-ref"])
    needs[std["bom-ref"]] = []
    content = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(when, datetime.timezone.utc).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            "tools": {
                "components": [{"type": "application", "name": "candle_ffi", "version": version()}]
            },
            "component": product,
        },
        "components": [*map(_component, others), std],
        "dependencies": [{"ref": ref, "dependsOn": on} for ref, on in sorted(needs.items())],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return json.dumps({**content, "serialNumber": serial.urn}, indent=1) + "\n"


def _purl(key: str) -> str:
    return f"pkg:cargo/{key.replace('+', '%2B')}"


def _component(crate: Crate) -> dict:
    purl = _purl(crate.key)
    made: dict = {
        "type": "library",
        "bom-ref": purl,
        "name": crate.name,
        "version": crate.version,
        "description": " ".join((crate.description or "").split()),
        "scope": "required",
        "licenses": [{"expression": crate.licence}],
        "purl": purl,
    }
    if crate.checksum:
        made["hashes"] = [{"alg": "SHA-256", "content": crate.checksum}]
    if crate.repository:
        made["externalReferences"] = [{"type": "vcs", "url": crate.repository}]
    return made
