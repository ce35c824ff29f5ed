#!/bin/sh
# What sshd's ForceCommand runs for users whose login shell stays their own. It keeps nobody who wants to escape: that shell
# has run its own files before.
if [ -n "${SSH_ORIGINAL_COMMAND-}" ]; then exec /usr/local/lib/tapedeck/login-shell -c "$SSH_ORIGINAL_COMMAND"; fi
exec /usr/local/lib/tapedeck/login-shell
