"""Sessions over ssh for the host bench: opens them, types into them one key at a time, floods one, ends them.

host-sessions.py SESSIONS SECONDS FOLDER SSH...   SSH = an ssh command without the remote one, -tt included

Each session is `cat` on a terminal that says ready first; the last one prints without end. One key is on its way at a time, a
line every 20. Prints `ready` when all are there and `typed` when the time is over, then a line of JSON: milliseconds from key
to echo. What each session printed is in FOLDER/NUMBER. Ends when its input does.
"""
import json
import os
import selectors
import subprocess
import sys
import threading
import time

count, seconds, folder, ssh = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]
os.makedirs(folder)


def control(number):
    # sshd takes ten sessions of one connection.
    return ["-oControlPath=/tmp/bench-%%r-%d" % (number // 10)]


def start(number, command):
    args = ssh[:1] + control(number) + ssh[1:] + [command]
    return subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


sessions, said = [], []
for number in range(count):
    if number % 10 == 0:
        master = ["-oControlMaster=yes", "-oControlPersist=900"] + [word for word in ssh[1:] if word != "-tt"]
        subprocess.run(ssh[:1] + control(number) + master + ["true"], stdin=subprocess.DEVNULL, check=True)
    flood = number == count - 1
    # A shared connection gives no terminal modes where its own input is none.
    command = "stty sane; echo ready-%d; exec cat" % number
    if flood:
        command = "stty sane; echo ready-%d; read -r _; exec yes" % number
    sessions.append(start(number, command))
    said.append(bytearray())
waiting = selectors.DefaultSelector()
for number, session in enumerate(sessions):
    waiting.register(session.stdout, selectors.EVENT_READ, number)


def read(timeout):
    for key, _ in waiting.select(timeout):
        data = os.read(key.fd, 65536)
        if not data:
            raise SystemExit("session %d ended" % key.data)
        said[key.data] += data


while any(b"ready-" not in text for text in said):
    read(5)
waiting.unregister(sessions[-1].stdout)


def drain():
    while os.read(sessions[-1].stdout.fileno(), 1 << 20):
        pass


def write(number, data):
    os.write(sessions[number].stdin.fileno(), data)


print("ready", flush=True)
threading.Thread(target=drain, daemon=True).start()
write(count - 1, b"go\n")
took, keys = [], 0
until = time.monotonic() + seconds
while time.monotonic() < until:
    number = (keys * 37) % (count - 1)
    keys += 1
    before = len(said[number])
    since = time.monotonic()
    write(number, b"\r" if len(said[number]) % 20 == 19 else b"k")
    while len(said[number]) == before:
        read(5)
    took.append((time.monotonic() - since) * 1000)
    time.sleep(0.005)
print("typed", flush=True)
print(json.dumps(took), flush=True)
sys.stdin.read()
# What came meanwhile, and the end of all but the flood.
for number in range(count - 1):
    write(number, b"\r\x04")
ended = set()
while len(ended) < count - 1:
    for key, _ in waiting.select(5):
        data = os.read(key.fd, 65536)
        said[key.data] += data
        if not data:
            waiting.unregister(sessions[key.data].stdout)
            ended.add(key.data)
sessions[-1].kill()
for number in range(count - 1):
    with open("%s/%d" % (folder, number), "wb") as out:
        out.write(said[number])
print("ended", flush=True)
