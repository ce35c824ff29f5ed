#!/bin/sh
# What runs in the place of mosh-server, as the user. The server stays behind and shows a terminal over the network, whose
# login shell is the recorder here. Arguments: mosh-server's own, `--` and the user's command behind them.
. /usr/local/lib/tapedeck/settings
options=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  quote "$1"
  options="$options$quoted"
  shift
done
[ $# -eq 0 ] || shift
quote "$@"
command=${quoted# }
set --
[ -z "$command" ] || set -- -c "$command"
eval "exec /usr/bin/mosh-server $options -- $lib/login-shell \"\$@\""
