"""The MPEG schemas of the corpus, with what they import found on this disk."""

from __future__ import annotations

from functools import cache

from lxml import etree

from tests.support.corpus import CORPUS, corpus_file

_IMPORTS = {
    "http://www.w3.org/XML/2008/06/xlink.xsd": CORPUS / "dash-schema" / "xlink.xsd",
}


@cache
def schema(name: str) -> etree.XMLSchema:
    """``DASH-MPD.xsd``; skips where the corpus is not there."""
    text = corpus_file(f"dash-schema/{name}").decode()
    for address, path in _IMPORTS.items():
        text = text.replace(address, path.as_uri())
    parser = etree.XMLParser(load_dtd=True, resolve_entities=True, no_network=True)
    return etree.XMLSchema(etree.fromstring(text.encode(), parser))


def complaints(name: str, document: bytes) -> str:
    """What the schema has to say about a document."""
    checker = schema(name)
    return "" if checker.validate(etree.fromstring(document)) else str(checker.error_log)
