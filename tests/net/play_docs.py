"""The code blocks of docs/*.md, so that plays do what readers do."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def blocks(page, heading):
    """The code blocks of a section of docs/<page>, in order."""
    with open(os.path.join(ROOT, "docs", page), encoding="utf-8") as file:
        section = file.read().split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```\w*\n(.*?)```", section, re.DOTALL)
