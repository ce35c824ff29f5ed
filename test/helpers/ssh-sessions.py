"""Sessions over ssh, each on a terminal of its own, until each ends by itself.

ssh-sessions.py SESSIONS FOLDER COMMAND SSH...   COMMAND has %d for the session's number; SSH = an ssh command without a remote one

Prints `ready` when every session has printed something, and in the end JSON: how each ended. What each printed is in FOLDER.
"""
import json
import os
import selectors
import subprocess
import sys

count, folder, command, ssh = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
os.makedirs(folder)
sessions, said, waiting = [], [], selectors.DefaultSelector()
for number in range(count):
    # sshd takes ten sessions of one connection.
    shared = ssh[:1] + ["-oControlPath=/tmp/many-%%r-%d" % (number // 10)]
    if number % 10 == 0:
        master = shared + ["-oControlMaster=yes", "-oControlPersist=900"] + ssh[1:] + ["true"]
        subprocess.run(master, stdin=subprocess.DEVNULL, check=True)
    session = subprocess.Popen(shared + ["-tt"] + ssh[1:] + [command % number], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    sessions.append(session)
    said.append(bytearray())
    waiting.register(session.stdout, selectors.EVENT_READ, number)
ready = False
while waiting.get_map():
    for key, _ in waiting.select():
        data = os.read(key.fd, 65536)
        said[key.data] += data
        if not data:
            waiting.unregister(sessions[key.data].stdout)
    if not ready and all(said):
        ready = True
        print("ready", flush=True)
for number in range(count):
    with open("%s/%d" % (folder, number), "wb") as out:
        out.write(said[number])
print(json.dumps([session.wait() for session in sessions]), flush=True)
