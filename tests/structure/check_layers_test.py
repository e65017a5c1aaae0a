#!/usr/bin/env python3
"""Ways to slip past check_layers.py, each of which it must catch, and honest code that it must leave alone."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_layers  # noqa: E402

TABLE = """common : : fmt spdlog : -
rt : common : : -
routing : common : : pure
dns : common rt : ldns : -
"""
HONEST = '#include "routing/x.h"\n#include <vector>\nnamespace popnet::routing {\nint f();\n}\n'


def offences(path, text, more=(), table=TABLE):
    with tempfile.TemporaryDirectory() as src:
        for name, content in [("layers.txt", table), ("rt/loop.h", "namespace popnet::rt {}\n"),
                              ("common/log.h", "namespace popnet::log {}\n"),
                              ("routing/x.h", "namespace popnet::routing {}\n"), (path, text), *more]:
            os.makedirs(os.path.dirname(os.path.join(src, name)), exist_ok=True)
            with open(os.path.join(src, name), "w") as out:
                out.write(content)
        return check_layers.check_tree(src)[1]


class CheckLayers(unittest.TestCase):
    def test_honest_code_passes(self):
        self.assertEqual(offences("routing/x.cc", HONEST), [])
        self.assertEqual(offences("routing/y.cc", HONEST + "// steady_clock::now() would be wrong here\n"), [])

    def test_every_way_past_is_caught(self):
        for evil in ['#include "rt/loop.h"', "#include <rt/loop.h>", '/**/ #include "rt/loop.h"', '#include \\\n"rt/loop.h"',
                     "#define X <thread>\n#include X", "#include <thread>", "#include <sys/socket.h>", "#include <stop_token>",
                     "#include <ldns/ldns.h>", "#include <spdlog/spdlog.h>", '#include "routing/e.inc"',
                     'const char* s = "//"; auto t = std::chrono::steady_clock::now();', "auto t = time(nullptr);",
                     "int s = ::socket (1, 2, 3);", "int r = ::rand();", "namespace popnet::dns {}",
                     "namespace popnet::rt { int usable_cores(); }"]:
            with self.subTest(evil):
                self.assertNotEqual(offences("routing/y.cc", HONEST + evil + "\n"), [])

    def test_pure_folders_name_pure_folders_only(self):
        self.assertEqual(offences("routing/y.cc", HONEST, table=TABLE + "brain : common routing : : pure\n"), [])
        for impure in ("rt", "dns"):
            with self.assertRaises(SystemExit):
                offences("routing/y.cc", HONEST, table=TABLE + f"brain : common routing {impure} : : pure\n")

    def test_pure_folders_do_not_log(self):
        log = '#include "common/log.h"\n'
        self.assertNotEqual(offences("routing/y.cc", HONEST + log), [])
        self.assertEqual(offences("dns/y.cc", log + "namespace popnet::dns {}\n"), [])

    def test_clocks_are_read_in_one_file_only(self):
        self.assertNotEqual(offences("dns/y.cc", "namespace popnet::dns {\nauto t = std::chrono::system_clock::now();\n}\n"), [])

    def test_other_files_and_unknown_folders_are_refused(self):
        self.assertNotEqual(offences("routing/e.inc", "int x;\n"), [])
        self.assertNotEqual(offences("other/y.cc", "namespace popnet::other {}\n"), [])

    def test_own_header_comes_first(self):
        self.assertNotEqual(offences("routing/x.cc", '#include <vector>\n#include "routing/x.h"\nnamespace popnet::routing {}\n'), [])


if __name__ == "__main__":
    unittest.main()
