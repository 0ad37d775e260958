"""Reads the wallet's figures as Prometheus' own Python library does.

    python3 metrics.py URL

Prints `families <n>` and `granted <n>`, the calls that were granted, or ends with what is wrong.
"""

import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", answer.headers
    text = answer.read().decode()

families = {family.name: family for family in text_string_to_metric_families(text)}
for family in families.values():
    assert family.type in ("counter", "gauge", "histogram"), family
    assert family.documentation.endswith("."), family
    assert family.name.startswith("mandate_wallet_"), family
    assert family.samples, family
    seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
    assert len(seen) == len(set(seen)), family

decisions = families["mandate_wallet_decisions"].samples
print("families", len(families))
print("granted", int(sum(each.value for each in decisions if each.labels["outcome"] == "granted")))
