#!/bin/sh
# Records a command, or a shell without one, on this terminal, as the user who calls it. No Node runs in the session: this
# script writes down what is about to run, then runs util-linux `script`, whose logs the agent follows.
# Usage: record.sh [--home DIR] [--] [COMMAND [ARGUMENT...]]
set -eu

# Makes the session's folder and prints its name. It runs in a subshell: the user may have exported variables of any name,
# and the session must get them as they are.
prepare() {
  dir=
  trap '[ -z "$dir" ] || rm -rf "$dir"' EXIT
  home=${TAPEDECK_HOME:-${HOME:-}/.tapedeck}
  while [ $# -gt 0 ]; do
    case $1 in
      --home) [ $# -ge 2 ] || fail '--home needs a folder'; home=$2; shift 2 ;;
      --home=*) home=${1#--home=}; shift ;;
      -h | --help) echo 'Usage: tapedeck record [--home DIR] [--] [COMMAND [ARGUMENT...]]' >&2; exit 0 ;;
      --) shift; break ;;
      -*) fail "unknown option $1; put -- before the command" ;;
      *) break ;;
    esac
  done
  case $home in /*) ;; *) home=$PWD/$home ;; esac

  # The agent makes `run` a link into a tmpfs; after a reboot its target is gone until the agent is back.
  run=$home/agent/run
  if [ -L "$run" ] && [ ! -d "$run" ]; then mkdir -m 700 "$(readlink "$run")" 2>/dev/null || :; fi
  [ -d "$run" ] || mkdir -p -m 700 "$run" 2>/dev/null || [ -d "$run" ] || fail "cannot make $run"
  [ -O "$run" ] || fail "$run belongs to somebody else"
  session=$(cat /proc/sys/kernel/random/uuid)
  mkdir -m 700 "$run/$session" 2>/dev/null || fail "cannot make a folder in $run"
  dir=$run/$session

  shell=${SHELL:-/bin/sh}
  if [ $# -gt 0 ]; then
    application=${1##*/}
    command=$*
  else
    application=${shell##*/}
    command=$shell
    set -- "$shell" -i
  fi
  size=$(stty size 2>/dev/null || :)
  columns=${size#* } rows=${size% *}
  case $size in
    *[1-9]*\ *[1-9]*) ;;
    *) columns=80 rows=24 size= ;;
  esac
  describe "$@" 2>/dev/null || fail "cannot write to $run: is its disk full?"
  echo "$dir"
  dir=
}

describe() {
  # What runs on the recorded terminal. It is read from a file: the words may have any size and any characters.
  {
    [ -n "$size" ] || echo 'stty cols 80 rows 24 2>/dev/null' || return
    # `script` hands its command to $SHELL; the session itself gets the user's own back.
    if [ -n "${SHELL+set}" ]; then printf 'SHELL=' && quote "$SHELL" && echo || return; else echo 'unset SHELL' || return; fi
    echo 'unset TAPEDECK_DIR' && printf exec || return
    for word in "$@"; do printf ' ' && quote "$word" || return; done
    echo || return
  } >"$dir/start"
  printf %s "$command" >"$dir/command" || return

  client=${SSH_CONNECTION:-}
  newline='
'
  cat >"$dir/session.new" <<END || return
session=$session
user=$(id -un 2>/dev/null || id -u)
uid=$(id -u)
groups=$(id -Gn 2>/dev/null || :)
host=$(uname -n)
application=${application%%"$newline"*}
client=${client%%[ $newline]*}
term=${TERM:-dumb}
columns=$columns
rows=$rows
boot=$(cat /proc/sys/kernel/random/boot_id)
END
  : >"$dir/out" && : >"$dir/timing"
}

# Which process records: the one that calls this. The agent takes a session once its file is there, so it appears whole.
announce() {
  read -r TAPEDECK_STAT </proc/self/stat
  # Fields behind the command's name; the 20th of them is when the process started, in clock ticks (proc(5), field 22).
  printf 'pid=%s\nticks=%s\n' "${TAPEDECK_STAT%% *}" "$(set -- ${TAPEDECK_STAT##*) }; echo "${20}")" \
    >>"$TAPEDECK_DIR/session.new" && mv "$TAPEDECK_DIR/session.new" "$TAPEDECK_DIR/session"
}

# Prints a word so that a shell reads exactly that word.
quote() {
  case $1 in
    *\'*) quoted=$(printf %s. "$1" | LC_ALL=C sed "s/'/'\\\\''/g"); printf "'%s'" "${quoted%.}" ;;
    *) printf "'%s'" "$1" ;;
  esac
}

fail() {
  echo "tapedeck record: $1" >&2
  exit 2
}

# A name that no terminal has would tear the lines that it is written on.
case ${TERM-dumb} in '' | *[!0-9A-Za-z._+-]*) TERM=dumb; export TERM ;; esac
TAPEDECK_DIR=$(prepare "$@")
[ -n "$TAPEDECK_DIR" ] || exit 0
if [ -t 2 ]; then
  echo 'What you do in this session is being recorded. If you object, end it now.' >&2
fi
# `script` heeds SIGTERM only: a shell stays above it, dies of whatever comes, a hangup above all, and the kernel says so.
SHELL=/bin/sh
export SHELL TAPEDECK_DIR
set +e
(
  announce || fail "cannot write to $TAPEDECK_DIR"
  exec setpriv --pdeathsig TERM script -q -e -f -m advanced \
    -O "$TAPEDECK_DIR/out" -T "$TAPEDECK_DIR/timing" -c '. "$TAPEDECK_DIR/start"'
)
exit $?
