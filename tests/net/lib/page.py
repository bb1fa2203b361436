# SPDX-License-Identifier: GPL-2.0-only
"""page.py DOM KEY VALUE: of the first element with data-KEY="VALUE", the text of what has
class "packets" in it, without commas.
page.py rename PIN FROM TO: a backend's name in the map, whatever it is."""
import subprocess
import sys
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    def __init__(self, key, value):
        super().__init__()
        self.key, self.value = "data-" + key, value
        self.depth = self.inside = self.taking = 0
        self.text = None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in VOID:
            return
        self.depth += 1
        if not self.inside and self.text is None and attrs.get(self.key) == self.value:
            self.inside = self.depth
        elif self.inside and "packets" in (attrs.get("class") or "").split() and self.text is None:
            self.taking, self.text = self.depth, ""

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if self.depth == self.taking:
            self.taking = 0
        if self.depth == self.inside:
            self.inside = 0
        self.depth -= 1

    def handle_data(self, data):
        if self.taking:
            self.text += data


def rename(pin, old, new):
    dump = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", pin], capture_output=True, check=True)
    import json
    for entry in json.loads(dump.stdout):
        value = [int(o, 16) for o in entry["value"]]
        if bytes(value[:64]).split(b"\0")[0] == old.encode():
            value[:64] = list(new.encode().ljust(64, b"\0")[:64])
            subprocess.run(["bpftool", "map", "update", "pinned", pin, "key", "hex"]
                           + [o[2:] for o in entry["key"]]
                           + ["value", "hex"] + ["%02x" % o for o in value], check=True)
            return
    sys.exit("no backend " + old)


if sys.argv[1] == "rename":
    rename(*sys.argv[2:])
else:
    page = Page(sys.argv[2], sys.argv[3])
    with open(sys.argv[1], encoding="utf-8") as dom:
        page.feed(dom.read())
    print((page.text or "").replace(",", ""))
