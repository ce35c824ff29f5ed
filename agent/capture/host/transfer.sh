# Sourced by pipes: what is kept of a command's input and output. Sets `in`, `out`, `means` (how it moves files, if that is all
# it does) and TAPEDECK_INSTEAD (how it is started then).

# `log` keeps the bytes, `count` their number and SHA-256, `direct` lets them pass. Passwords come as input, so it is kept
# only where it is a script.
in=count out=log means= instead=
set -f
set -- $TAPEDECK_COMMAND
set +f
program=${1-}
case ${program##*/} in
  '') in=log ;;
  sh | ash | bash | dash | ksh | zsh | fish | python* | perl* | ruby | node | psql | mysql)
    in=log
    shift
    for word in "$@"; do
      case $word in
        - | -s | -i | -l | -x | -e | -u | --login | --noprofile | --norc) ;;
        *) in=count ;;
      esac
    done
    ;;
esac

# What moves files is recorded as what it moved, and its bytes are not text. So it must be the host's own program, started
# by a shell that reads nothing of the user's: else any program by such a name, or any .bashrc, would be a shell unseen.

# hosts_own: whether the program is one that root put there; sets `path`.
hosts_own() {
  path=$(PATH=/usr/bin:/bin && command -v "${program##*/}") || return 1
  case $program in */*) [ "$program" = "$path" ] ;; esac
}
newline='
'
case ${TAPEDECK_SHELL##*/}:$TAPEDECK_COMMAND in
  # Only plain commands: what a shell would take apart stays as it was typed.
  *[\;\&\|\<\>\`\$\(\)"$newline"]*) ;;
  # A shell that is none was meant to keep its user from some of these.
  sh:* | ash:* | bash:* | dash:* | ksh:* | mksh:* | zsh:* | fish:* | csh:* | tcsh:*)
    [ ${#TAPEDECK_COMMAND} -lt 4096 ] && rest=${TAPEDECK_COMMAND#*"$program"} || program=
    case $program in
      /usr/lib/openssh/sftp-server | /usr/libexec/openssh/sftp-server | /usr/lib/ssh/sftp-server | /usr/libexec/sftp-server)
        means=sftp in=direct out=direct instead="$program$rest -e -l INFO"
        ;;
      rsync | */rsync)
        # A daemon runs what its user's file says; a log of the user's choice would take the place of ours. What a shell
        # would make of a pattern is not known yet.
        case $(printf %s "$TAPEDECK_COMMAND" | tr -d "'\"\\\\") in
          *--daemon* | *--log-file* | *[*?[{]*) ;;
          *) [ "${2-}" != --server ] || ! hosts_own || {
            means=rsync in=direct out=direct
            instead="$path --log-file=$log/transfers --log-file-format='%o %l %f'$rest"
          } ;;
        esac
        ;;
      scp | */scp)
        while [ $# -gt 1 ]; do
          shift
          case $1 in
            -t) means=scp in=log ;;
            -f) means=scp out=log ;;
            -[dpqrv]*) continue ;;
          esac
          break
        done
        [ -z "$means" ] || if hosts_own; then instead=$path$rest; else means= in=count out=log; fi
        ;;
      git-upload-pack | git-receive-pack | git-upload-archive)
        if hosts_own; then means=git out=count instead=$path$rest; fi
        ;;
    esac
    ;;
esac
TAPEDECK_INSTEAD=$instead
export TAPEDECK_INSTEAD
