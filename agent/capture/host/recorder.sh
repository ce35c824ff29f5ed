#!/bin/sh
# The recorder. It runs as root inside the session that it records, so that nothing of the user's can touch it, and becomes
# util-linux `script`. login-shell starts it through sudo. It reads nothing that the user wrote.
set -u
umask_user=$(umask)
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
. /usr/local/lib/tapedeck/settings
# Until `script` has the terminal, no key may end what records it.
trap '' INT QUIT TSTP

# Each program that is started here is a millisecond or two that somebody waits for a prompt.
user=${SUDO_USER-} uid=${SUDO_UID-} gid=${SUDO_GID-}
[ -n "$user" ] || IFS=: read -r user _ uid gid _ <<END
$(getent passwd "$(id -un)")
END
while read -r key groups; do [ "$key" != Groups: ] || break; done </proc/self/status
shell_of "$user"
tty=
if [ -t 0 ]; then tty=$(tty) || tty=; fi

# The user's limits on files, memory and time would end the recorder; the user's side takes them back.
limits=
while read -r _ name kind soft hard _; do
  case $name-$kind in
    file-size) limit=fsize ;;
    cpu-time) limit=cpu ;;
    data-size) limit=data ;;
    address-space) limit=as ;;
    *) continue ;;
  esac
  [ "$soft-$hard" = unlimited-unlimited ] || limits="$limits --$limit=$soft:$hard"
done </proc/$$/limits
TAPEDECK_USER=$user TAPEDECK_UID=$uid TAPEDECK_GID=$gid TAPEDECK_SHELL=$shell TAPEDECK_LIMITS=$limits TAPEDECK_UMASK=$umask_user
TAPEDECK_NOTICE=
export TAPEDECK_USER TAPEDECK_UID TAPEDECK_GID TAPEDECK_SHELL TAPEDECK_LIMITS TAPEDECK_UMASK TAPEDECK_NOTICE

discard() {
  [ -n "${dir-}" ] || return 0
  umount "$dir/log" "$dir/time" 2>/dev/null
  rm -rf "$dir"
}

give_back() {
  [ -z "${owner-}" ] || { chown "$owner" "$tty" && chmod "$mode" "$tty"; }
}

unrecorded() {
  discard
  give_back
  trap - INT QUIT TSTP
  TAPEDECK_SAME_TTY=1
  export TAPEDECK_SAME_TTY
  exec "$lib/session"
}

refuse() {
  discard
  echo "$1 Ask your administrator." >&2
  exit 1
}

fail() {
  setting onRecorderFailure deny
  logger -t tapedeck -p authpriv.alert "the recorder failed for $user ($onRecorderFailure): $1"
  if [ "$uid" = 0 ] || [ "$onRecorderFailure" = allow ]; then unrecorded; fi
  refuse 'This session cannot be recorded, so it cannot begin.'
}

# started PID: when that process started, in clock ticks since boot (proc(5), field 22).
started() {
  ticks=
  read -r stat <"/proc/$1/stat" || return 1
  set -- ${stat##*) }
  shift 19
  ticks=$1
}

[ -z "$limits" ] || prlimit --pid $$ --fsize=unlimited --cpu=unlimited --data=unlimited --as=unlimited 2>/dev/null ||
  fail 'cannot lift its limits on files, memory and time (a container without CAP_SYS_RESOURCE?)'

# Within a recorded terminal (su, sudo -i) all is recorded already. pts numbers are used again: its recorder must live.
if [ -n "$tty" ] && [ -r "$run/ttys/${tty##*/}" ]; then
  read -r pid since <"$run/ttys/${tty##*/}"
  if started "$pid" 2>/dev/null && [ "$ticks" = "$since" ]; then unrecorded; fi
fi

# A login by mosh: what its server prints is the key to the terminal that it shows, which is the one to record.
newline='
'
case ${TAPEDECK_COMMAND-} in
  *[\;\&\|\<\>\`\$\(\)\\"$newline"]*) ;;
  'mosh-server new '* | "mosh-server 'new' "*)
    TAPEDECK_INSTEAD="$lib/mosh ${TAPEDECK_COMMAND#mosh-server }"
    export TAPEDECK_INSTEAD
    [ ! -x /usr/bin/mosh-server ] || unrecorded
    ;;
esac

read -r session </proc/sys/kernel/random/uuid
read -r host </proc/sys/kernel/hostname
read -r boot </proc/sys/kernel/random/boot_id
dir=$run/run/$session
[ -d "$run/asks" ] || { mkdir -p -m 755 "$run" && mkdir -p -m 711 "$run/run" && mkdir -p -m 700 "$run/ttys" "$run/asks"; } || fail "cannot make $run"
mkdir -m 700 "$dir" "$dir/log" "$dir/time" || fail "cannot make $dir"

columns=0 rows=0
if [ -n "$tty" ]; then
  read -r rows columns <<END
$(stty size)
END
fi
[ "$columns" -gt 0 ] && [ "$rows" -gt 0 ] || columns=80 rows=24
# plain WORD: what the environment says of itself, without what could be taken for another line.
plain() {
  case $1 in
    *[!-A-Za-z0-9._:%+]*) plain=odd ;;
    *) plain=$1 ;;
  esac
}
client=${SSH_CONNECTION-}
plain "${client%% *}"
client=$plain
plain "${TERM:-dumb}"
command=${TAPEDECK_COMMAND:-$shell}
set -f
set -- $command
set +f
application=${1-$shell}
kind=terminal
[ -n "$tty" ] || kind=command
printf %s "$command" >"$dir/command"
facts="session=$session
user=$user
uid=$uid
gids=$gid $groups
host=$host
application=${application##*/}
client=$client
kind=$kind
term=$plain
tty=$tty
columns=$columns
rows=$rows
boot=$boot"

# The agent is asked what to do; it asks the farm, and answers for it where that takes too long.
fifos=$dir/decision
[ -n "$tty" ] || fifos="$fifos $dir/gate $dir/in.copy $dir/out.copy"
mkfifo -m 600 $fifos || fail "cannot make pipes in $dir"
decision=
if read -r agent since 2>/dev/null <"$run/agent.pid" && started "$agent" 2>/dev/null && [ "$ticks" = "$since" ]; then
  printf '%s\n' "$facts" >"$run/asks/$session"
  timeout 2 head -n 1 "$dir/decision" >"$dir/decided" &
fi

# While it decides, memory for the logs. Of its own, so that no session can take the room of another; that of a terminal's
# times apart, so that they are still known when output has filled its part.
setting captureBufferMiB 64
setting tmpfsOptions ''
options="mode=700,nosuid,nodev,noexec$tmpfsOptions"
mounted=
mount -t tmpfs -o "size=${captureBufferMiB}m,$options" tapedeck "$dir/log" &&
  { [ -z "$tty" ] || mount -t tmpfs -o "size=8m,$options" tapedeck "$dir/time"; } && mounted=1

wait
[ ! -e "$dir/decided" ] || read -r decision <"$dir/decided" || :
if [ -z "$decision" ]; then
  setting onError record
  case $onError in
    record) decision='entire notify' ;;
    deny) decision=deny ;;
    *) decision=none ;;
  esac
  logger -t tapedeck -p authpriv.warning "nobody decided on the session of $user: $onError"
fi
case $decision in
  deny) refuse 'Nobody can say now whether this session must be recorded, so it cannot begin.' ;;
  none*) unrecorded ;;
  *\ notify) TAPEDECK_NOTICE=1 ;;
esac

[ -n "$mounted" ] || fail "cannot mount the logs of $session"

if [ -z "$tty" ]; then
  started $$
  printf '%s\npid=%s\nticks=%s\n' "$facts" $$ "$ticks" >"$dir/session.new"
  TAPEDECK_DIR=$dir
  export TAPEDECK_DIR
  trap - INT QUIT TSTP
  exec "$lib/pipes"
fi

: >"$dir/log/out"
: >"$dir/time/timing"
read -r owner mode <<END
$(stat -c '%u:%g %a' "$tty")
END
# Else the user could open the outer terminal and write past the recorder.
chown root:root "$tty" && chmod 600 "$tty" || fail "cannot take $tty"
SHELL=/bin/sh
export SHELL
# `script` heeds no hangup. This shell stays above it and dies of one, and the kernel takes `script` with it: then the user's
# terminal hangs up as it would without us.
(
  read -r stat </proc/self/stat
  pid=${stat%% *}
  started "$pid"
  # The agent takes the session once its file is there.
  printf '%s\npid=%s\nticks=%s\n' "$facts" "$pid" "$ticks" >"$dir/session.new" &&
    mv "$dir/session.new" "$dir/session" || fail "cannot announce $session"
  TAPEDECK_RECORDER="$pid $ticks"
  export TAPEDECK_RECORDER
  trap - INT QUIT TSTP
  exec setpriv --pdeathsig KILL script -q -e -f -m advanced -O "$dir/log/out" -T "$dir/time/timing" -c "exec $lib/session"
)
status=$?
# A terminal that somebody goes on using afterwards is given back.
read -r parent </proc/$PPID/comm || parent=
case $parent in su | sudo) give_back ;; esac
exit $status
