#!/bin/sh
# The first process of a test host: private copies of all that a host changes, over this machine's own files.
set -eu
base=$1 name=$2 repo=$3
mount --make-rprivate /
mount -t tmpfs -o mode=755 host "$base"
for dir in etc home opt root srv usr/local var; do
  copy=$base/$(echo $dir | tr / _)
  mkdir -p "$copy.up" "$copy.work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$copy.up,workdir=$copy.work" "/$dir"
done
mount -t tmpfs -o mode=755 run /run
# A clone that lies below /tmp must stay.
mkdir /run/repo && mount --bind "$repo" /run/repo
mount -t tmpfs -o mode=1777 tmp /tmp
case $repo in /tmp/*) mkdir -p "$repo" && mount --bind /run/repo "$repo" ;; esac
umount -l /run/repo && rmdir /run/repo
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t devpts devpts /dev/pts -o newinstance,ptmxmode=0666,mode=620,gid=5
mount --bind /dev/pts/ptmx /dev/ptmx
hostname "$name"
ip link set lo up
printf '127.0.0.1 localhost %s\n::1 localhost %s\n' "$name" "$name" >/etc/hosts
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
mkdir -p /run/sshd
mkdir -m 1777 /run/screen
install -m 664 -g utmp /dev/null /run/utmp
ssh-keygen -A >/dev/null
# Children of the dead come to this process; a shell waits for them, sleep would not.
trap 'exit 0' TERM
echo ready
while :; do sleep 3600 & wait $! || :; done
