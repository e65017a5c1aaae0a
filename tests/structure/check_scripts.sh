#!/bin/sh
# The scripts are plain POSIX sh and quote what they should: machines that they shall prepare need not have bash.
set -eu
cd "$(dirname "$0")/../.."
for script in build run test bench/run contrib/fuzz contrib/tidy contrib/packages/need tests/structure/*.sh; do
  [ "$(head -n 1 "$script")" = '#!/bin/sh' ] || { echo "$script: write it for /bin/sh"; exit 1; }
  shellcheck --severity=warning "$script"
done
