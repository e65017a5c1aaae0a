#!/usr/bin/env python3
"""check_security.py finds every name that is wrong, and lets right ones be."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_security  # noqa: E402


def offences(*cells):
    with tempfile.TemporaryDirectory() as root:
        for path, text in (("src/http/key_test.cc", "TEST(Key, IsOne) {}\nTEST_F(\n    Store, Evicts) {}\n"),
                           ("src/http/head_fuzz.cc", ""), ("src/http/bare_fuzz.cc", ""), ("tests/fuzz/head_fuzz/seed", ""),
                           ("tests/net/http_strict_play.py", "@scene\ndef bad_heads(stage):\n    pass\n@scene\ndef more(stage):\n"),
                           ("docs/rfc9111.md", "| s | b | shown by |\n|---|---|---|\n| s | b | `Key.IsOne` |\n"),
                           ("docs/security.md", "| attack | what happens | shown by |\n|---|---|---|\n"
                            + "".join(f"| a | b | {cell} |\n" for cell in cells))):
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                out.write(text)
        return check_security.check(root)


class CheckSecurity(unittest.TestCase):
    def test_right_names_pass(self):
        self.assertEqual(offences("`http_strict_play.py` bad_heads, more; `Key.IsOne`", "`Store.*`; `key_test.cc`; fuzzer `head`",
                                  "`Store.Evicts`, `Key.IsOne`"), [])

    def test_wrong_names_are_found(self):
        for cell in ("", "by hand", "`http_strict_play.py` other", "`http_strict_play.py`", "`http_gone_play.py` bad_heads", "`Key.IsTwo`",
                     "`Keys.*`", "`gone_test.cc`", "fuzzer `gone`", "fuzzer `bare`", "`Key.IsOne` more",
                     "`http_strict_play.py` bad_heads; `Key.IsOne`, more"):
            with self.subTest(cell):
                self.assertNotEqual(offences(cell), [])

    def test_an_empty_table_is_an_offence(self):
        self.assertNotEqual(offences(), [])


if __name__ == "__main__":
    unittest.main()
