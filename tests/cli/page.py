"""Pages that the command line writes."""

import xml.etree.ElementTree


def self_contained(page):
    """The text of a page and its root; it runs no scripts and fetches nothing."""
    text = page.read_text()
    assert text.startswith("<!DOCTYPE html>\n")
    root = xml.etree.ElementTree.fromstring(text.split("\n", 1)[1])
    assert "script" not in {element.tag for element in root.iter()}
    for element in root.iter():
        assert not any("http" in value for value in element.attrib.values()), element.attrib
    assert "<script" not in text and "url(" not in text and "@import" not in text
    return text, root
