"""Configurations for Kiln, written from Python values. JSON is YAML, so no library is needed."""

import json


def dump(system):
    return json.dumps(system, indent=1, ensure_ascii=False) + "\n"
