# Sourced by session, as the user and on the recorded terminal: says that this is recorded, in the user's language, else the
# host's, else English. It is seen in the recording too.
show_notice() {
  host_language=
  for file in /etc/default/locale /etc/locale.conf; do
    [ -r "$file" ] || continue
    while read -r line; do
      case $line in
        LANG=*)
          host_language=${line#LANG=}
          host_language=${host_language#\"}
          ;;
      esac
    done <"$file"
  done
  for language in "${LC_ALL-}" "${LC_MESSAGES-}" "${LANG-}" "$host_language" en; do
    language=${language%%.*}
    for file in "$language" "${language%%_*}"; do
      case $file in '' | */* | C | POSIX) continue ;; esac
      [ -r "$conf/notices/$file" ] || continue
      while IFS= read -r line; do printf '%s\n' "$line"; done <"$conf/notices/$file"
      return
    done
  done
  echo 'What you do in this session is being recorded. If you object, end it now.'
}

show_notice
setting acknowledge off
case $acknowledge in
  ask)
    printf '[Enter] '
    read -r answer || exit 1
    ;;
  require)
    printf '[yes/no] '
    read -r answer || exit 1
    case $answer in [Yy]*) ;; *) exit 1 ;; esac
    ;;
esac
unset -f show_notice setting
unset host_language file language line acknowledge answer setting_key setting_value
