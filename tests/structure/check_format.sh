#!/bin/sh
# Every source is laid out as .clang-format says. To lay them out: git ls-files 'src/*.h' 'src/*.cc' | xargs clang-format -i
set -eu
cd "$(dirname "$0")/../.."
find src bench \( -name '*.h' -o -name '*.cc' \) -exec clang-format --dry-run -Werror {} +
