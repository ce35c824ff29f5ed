#!/bin/sh
# A session without a terminal (`ssh host command`). As root, a `tee` for each of input, output and errors copies what passes
# into the logs, and the user's command runs between them. Only the command is waited for: an input that stays open keeps
# nobody, and who holds on to the output keeps its copying alive, as sshd would without us.
. /usr/local/lib/tapedeck/settings
dir=$TAPEDECK_DIR
log=$dir/log

. "$lib/transfer"
printf 'means=%s\nin=%s\nout=%s\n' "$means" "$in" "$out" >>"$dir/session.new"

: >"$log/in"
: >"$log/out"
: >"$log/err"
: >"$log/transfers"
# rsync opens its log by name; names in here are random, and all else is root's alone.
[ "$means" != rsync ] || { chown "$TAPEDECK_UID" "$log/transfers" && chmod 711 "$dir" "$log"; }
exec 5<&0 6>&1 7>&2 0</dev/null >/dev/null 2>&1
# No other program of the user's may talk through the pipes of one that moves files.
owner=$TAPEDECK_UID:$TAPEDECK_GID
if [ -n "$means" ]; then
  owner=root:root
  for fd in 5 6 7; do
    case $(readlink "/proc/$$/fd/$fd") in pipe:*) chown root:root "/dev/fd/$fd" && chmod 600 "/dev/fd/$fd" ;; esac
  done
fi

# counted NAME: whatever is written to 9 from here on is counted and hashed into NAME.bytes and NAME.sha256. Both ends are
# open before anybody is waited for: a short command is over, and its input's copy killed, before that copy has begun.
counted() {
  exec 9<>"$dir/$1.copy"
  LC_ALL=C dd bs=64K </dev/fd/9 2>"$log/$1.bytes" 4<&- 5<&- 6>&- 7>&- 8<&- 9>&- |
    sha256sum >"$log/$1.sha256" 4<&- 5<&- 6>&- 7>&- 8<&- 9>&- &
}

# Lives as long as anything is copied; its end is the session's. It starts between two pipes and with a third at 8. They have
# no names, as sshd's own have none: a named one, opened again as /dev/stdin, would wait for its other end. Through /proc
# each side opens the ends it needs: the command writes what 4 and 8 read, and reads what 3 writes.
keep() {
  exec 3>/proc/self/fd/0 4</proc/self/fd/1
  chown "$owner" /dev/fd/0 /dev/fd/1 /dev/fd/8
  read -r pid _ </proc/self/stat
  feeder=
  case $in in
    log)
      tee "$log/in" <&5 >&3 3>&- 4<&- 6>&- 7>&- 8<&- &
      feeder=$!
      ;;
    count)
      counted in 3>&- >/dev/null
      tee /dev/fd/9 <&5 >&3 3>&- 4<&- 6>&- 7>&- 8<&- &
      feeder=$!
      exec 9>&-
      ;;
  esac
  printf '%s %s\n' "$pid" "$feeder" >"$dir/gate"
  read -r _ <"$dir/gate"
  exec 0</dev/null >/dev/null 3>&-

  read -r stat <"/proc/$pid/stat"
  set -- ${stat##*) }
  printf 'keeper=%s\nkeeperTicks=%s\n' "$pid" "${20}" >>"$dir/session.new"
  copying=
  case $out in
    log)
      tee "$log/out" <&4 >&6 4<&- 5<&- 7>&- 8<&- &
      copying=$!
      ;;
    count)
      counted out
      tee /dev/fd/9 <&4 >&6 4<&- 5<&- 7>&- 8<&- &
      copying=$!
      exec 9>&-
      ;;
  esac
  if [ "$means" = sftp ]; then
    cat <&8 >"$log/transfers" 4<&- 5<&- 6>&- 7>&- 8<&- &
  else
    tee "$log/err" <&8 >&7 4<&- 5<&- 6>&- 8<&- &
  fi
  copying="$copying $!"
  exec 4<&- 5<&- 6>&- 7>&- 8<&-
  mv "$dir/session.new" "$dir/session"
  # A copy that failed for want of room goes on with the user's, and says so in the end.
  for copy in $copying; do
    wait "$copy"
    [ $? != 1 ] || : >"$dir/cut"
  done
  wait
  : >"$dir/done"
}
: | {
  exec 8<&0
  : | keep | : &
}
read -r keeper feeder <"$dir/gate"
exec 0<"/proc/$keeper/fd/3" >"/proc/$keeper/fd/4" 9>"/proc/$keeper/fd/8"
: >"$dir/gate"

# Where there is a controlling terminal all the same (su with its input redirected), the command must not reach it by
# /dev/tty, past the logs.
read -r stat </proc/$$/stat
set -- ${stat##*) }
alone=
[ "$5" = 0 ] || alone=1

# In the foreground, since what a shell runs in the background ignores interrupts; in a subshell of its own, since ours says
# "Killed" where the command's errors go.
users_side() {
  exec 2>&9 9>&-
  [ -z "$alone" ] || exec setsid "$lib/session"
  . "$lib/session"
}
case $in-$out in
  direct-direct) (exec <&5 >&6 5<&- 6>&- 7>&- && users_side) ;;
  *)
    exec 5<&- 6>&- 7>&-
    (users_side)
    ;;
esac
status=$?
[ -z "$feeder" ] || kill "$feeder" 2>/dev/null
echo "$status" >"$log/exit"
exit "$status"
