# Sourced by the scripts of a host. What they read here is root's: users see it and cannot change it.
lib=/usr/local/lib/tapedeck
conf=/etc/tapedeck
run=/run/tapedeck

# setting KEY DEFAULT: sets the variable KEY from host.conf, lines of KEY=VALUE.
setting() {
  eval "$1=\$2"
  [ -r "$conf/host.conf" ] || return 0
  while IFS='=' read -r setting_key setting_value; do
    if [ "$setting_key" = "$1" ]; then eval "$1=\$setting_value"; fi
  done <"$conf/host.conf"
}

# shell_of USER: sets `shell` to the one USER had before its sessions were recorded.
shell_of() {
  shell=
  if [ -r "$conf/shells" ]; then
    while IFS=: read -r shell_user shell_path; do
      if [ "$shell_user" = "$1" ]; then shell=$shell_path; fi
    done <"$conf/shells"
  fi
  [ -n "$shell" ] || shell=$(getent passwd "$1" | cut -d : -f 7)
  case $shell in '' | "$lib"/*) shell=/bin/sh ;; esac
}

# quote WORD...: sets `quoted` to words that a shell reads back as these.
quote() {
  quoted=
  for quote_word in "$@"; do
    case $quote_word in
      *\'*)
        quote_word=$(printf %s. "$quote_word" | sed "s/'/'\\\\''/g")
        quoted="$quoted '${quote_word%.}'"
        ;;
      *) quoted="$quoted '$quote_word'" ;;
    esac
  done
}
