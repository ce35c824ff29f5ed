#!/bin/sh -p
# The login shell of recorded users. It runs as the user and decides nothing: sudo turns this very process into the recorder,
# as root. What is the user's own, environment and arguments, goes through a pipe that only the user's side reads again.
# Whoever came by `su -p` chose the environment: nothing of it may choose programs here.
own=$(export -p)
PATH=/usr/sbin:/usr/bin:/sbin:/bin
. /usr/local/lib/tapedeck/settings

parent=
read -r parent </proc/$PPID/comm || :
case $parent in
  sshd* | dropbear | login | mosh-server | sudo) login=1 ;;
  # Without -, -l or --login it starts a shell that is no login shell.
  su) login=$(tr '\0' '\n' </proc/$PPID/cmdline | sed -n '2,$ s/^\(-\|-[a-z]*l\|--login\)$/1/p' | head -n 1) ;;
  # A job, a display manager, a program of the user's: no login. What it shows on a recorded terminal is recorded there.
  *)
    shell_of "$(id -un)"
    eval "$own"
    exec "$shell" "$@"
    ;;
esac
if [ $# -gt 0 ] && [ "$parent" != su ]; then login=; fi

quote "$@"
exec 3<<END
$own
login=$login
set --$quoted
END

TAPEDECK_COMMAND=
if [ "${1-}" = -c ]; then TAPEDECK_COMMAND=${2-}; fi
# An environment string may be no longer than the argument was; what is longer is only recorded cut.
if [ ${#TAPEDECK_COMMAND} -gt 65536 ]; then TAPEDECK_COMMAND=$(printf %s "$TAPEDECK_COMMAND" | head -c 4096); fi
export TAPEDECK_COMMAND

while read -r key uid _; do [ "$key" != Uid: ] || break; done </proc/self/status
if [ "$uid" = 0 ]; then
  # By sudo: who called it is somebody else.
  unset SUDO_USER SUDO_UID SUDO_GID
  exec "$lib/recorder"
fi
setting onRecorderFailure deny
if [ "$onRecorderFailure" = allow ] && ! sudo -n -l "$lib/recorder" >/dev/null 2>&1; then
  logger -t tapedeck -p authpriv.alert "not recorded: sudo does not start the recorder for $(id -un)"
  shell_of "$(id -un)"
  eval "$own"
  exec "$shell" "$@"
fi
# The pipe is the only descriptor beside 0, 1 and 2 that sudo lets through.
exec sudo -n -C 4 "$lib/recorder"
