#!/bin/sh
# Records a command, or a shell without one, on this terminal, as the user who calls it. No Node runs in the session: this
# script tells the agent what is about to run, then becomes util-linux `script`, whose logs the agent follows.
# Usage: record.sh [--home DIR] [--] [COMMAND [ARGUMENT...]]
set -eu

fail() {
  echo "tapedeck record: $1" >&2
  exit 2
}

home=${TAPEDECK_HOME:-${HOME:-}/.tapedeck}
while [ $# -gt 0 ]; do
  case $1 in
    --home) [ $# -ge 2 ] || fail '--home needs a folder'; home=$2; shift 2 ;;
    --home=*) home=${1#--home=}; shift ;;
    -h | --help) echo 'Usage: tapedeck record [--home DIR] [--] [COMMAND [ARGUMENT...]]'; exit 0 ;;
    --) shift; break ;;
    -*) fail "unknown option $1; put -- before the command" ;;
    *) break ;;
  esac
done

# The agent makes `run` a link into a tmpfs; after a reboot its target is gone until the agent is back.
run=$home/agent/run
if [ -L "$run" ] && [ ! -d "$run" ]; then mkdir -m 700 "$(readlink "$run")" || fail "cannot make $(readlink "$run")"; fi
[ -d "$run" ] || mkdir -p -m 700 "$run" || fail "cannot make $run"
[ -O "$run" ] || fail "$run belongs to somebody else"
session=$(cat /proc/sys/kernel/random/uuid)
dir=$run/$session
mkdir -m 700 "$dir"

# One shell word each, so that the command's own shell reads exactly these words.
quoted=
for word in "$@"; do
  quoted="$quoted '$(printf %s. "$word" | sed "s/'/'\\\\''/g")"
  quoted="${quoted%.}'"
done
shell=${SHELL:-/bin/sh}
if [ $# -gt 0 ]; then
  application=${1##*/}
  command=$*
else
  application=${shell##*/}
  command=$shell
  quoted=" '$shell' -i"
fi

size=$(stty size 2>/dev/null || :)
columns=${size#* } rows=${size% *}
prepare=
case $size in
  *[1-9]*\ *[1-9]*) ;;
  *) columns=80 rows=24 prepare='stty cols 80 rows 24 2>/dev/null; ' ;;
esac
stat=$(cat /proc/$$/stat)
# Fields behind the command's name; the 20th of them is when this process started, in clock ticks (proc(5), field 22).
ticks=$(set -- ${stat##*) }; echo "${20}")
client=${SSH_CONNECTION:-}

printf %s "$command" >"$dir/command"
# The agent takes a session once this file is there, so it is written last and appears whole.
cat >"$dir/session.new" <<END
session=$session
user=$(id -un 2>/dev/null || id -u)
uid=$(id -u)
groups=$(id -Gn 2>/dev/null || :)
host=$(uname -n)
application=$application
client=${client%% *}
term=${TERM:-dumb}
columns=$columns
rows=$rows
started=$(date +%s%3N)
pid=$$
ticks=$ticks
boot=$(cat /proc/sys/kernel/random/boot_id)
END
: >"$dir/out"
: >"$dir/timing"
mv "$dir/session.new" "$dir/session"

if [ -t 2 ]; then
  echo 'What you do in this session is being recorded. If you object, end it now.' >&2
fi
# `script` hands its command to $SHELL; the session itself gets the user's own back.
restore="export SHELL='$(printf %s "$shell" | sed "s/'/'\\\\''/g")'; "
SHELL=/bin/sh
export SHELL
exec script -q -e -f -m advanced -O "$dir/out" -T "$dir/timing" -c "$prepare$restore exec$quoted"
