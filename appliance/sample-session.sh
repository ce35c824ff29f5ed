#!/bin/sh
# What `tapedeck up` records first, so that there is something to look at: real commands, at a reader's pace.
say() {
  printf '\033[1;32m%s@%s\033[0m:\033[1;34m~\033[0m$ ' "$(id -un)" "$(uname -n)"
  for word in $1; do printf '%s ' "$word"; sleep 0.12; done
  printf '\n'
  sh -c "$1" 2>&1 | head -20
  sleep 0.6
}
say 'uname -srm'
say 'date'
say 'df -h /'
say 'ls -l --color=always / | head -12'
printf '\033[33mThis is what a recorded session looks like: colours, \033[4mstyles\033[0;33m and žłuťoučká UTF-8 \342\234\223\033[0m\n'
sleep 1
for step in 1 2 3 4 5 6 7 8; do printf '\rworking \033[32m%s\033[0m' "$(printf '%*s' $step '' | tr ' ' '#')"; sleep 0.15; done
printf '\n'
sleep 3
say 'uptime'
