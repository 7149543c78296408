#!/bin/bash
# swan.sh moon|carol|dave --COMMAND ARGS...   swanctl against one of the daemons
. "$(dirname "$0")/env.sh"
[ $# -ge 2 ] || die "usage: swan.sh moon|carol|dave --command ..."
swan "$@"
