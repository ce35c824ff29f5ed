#!/bin/sh
# The user's side of a session. As root it prepares the recorder's inner terminal and gives the user's limits back; then it
# becomes the user for good, reads what login-shell put into the pipe, and becomes the user's own shell.
. /usr/local/lib/tapedeck/settings
umask "${TAPEDECK_UMASK:-$1}"
if [ -n "${TAPEDECK_UMASK-}" ]; then
  if [ -z "${TAPEDECK_SAME_TTY-}" ] && [ -t 0 ] && tty=$(tty); then
    chown "$TAPEDECK_UID:tty" "$tty" && chmod 620 "$tty"
    echo "$TAPEDECK_RECORDER" >"$run/ttys/${tty##*/}"
  fi
  [ -z "$TAPEDECK_LIMITS" ] || prlimit --pid $$ $TAPEDECK_LIMITS
  exec setpriv --reuid="$TAPEDECK_UID" --regid="$TAPEDECK_GID" --keep-groups --reset-env \
    sh "$lib/session" "$TAPEDECK_UMASK" "$TAPEDECK_SHELL" "$TAPEDECK_NOTICE" "${TAPEDECK_INSTEAD-}"
fi
shell=$2 notice=$3 instead=$4
# What setpriv has set: the user's own environment may have none of it.
unset HOME SHELL USER LOGNAME PATH TERM
. /dev/fd/3
exec 3<&-
unset TAPEDECK_COMMAND
case ${SHELL-} in
  "$lib"/*)
    SHELL=$shell
    export SHELL
    ;;
esac
# What only moves files: see pipes.
if [ -n "$instead" ]; then exec /bin/sh -c "exec $instead"; fi
if [ -n "$notice" ] && [ -t 1 ]; then . "$lib/notice"; fi

name=${shell##*/}
if [ -n "$login" ]; then name=-$name; fi
# Only bash can give a program its first word; elsewhere a login shell is told by -l. Bash counts SHLVL, also down to 0 where
# there was none; as an array it is not handed on.
if [ -x /bin/bash ]; then
  if [ -n "${SHLVL+set}" ]; then none=; else none=1; fi
  exec /bin/bash --norc --noprofile -p -c 'if [ -n "$1" ]; then unset SHLVL; SHLVL=(); fi; name=$2 shell=$3; shift 3; exec -a "$name" "$shell" "$@"' \
    bash "$none" "$name" "$shell" "$@"
fi
if [ -n "$login" ]; then exec "$shell" -l "$@"; fi
exec "$shell" "$@"
