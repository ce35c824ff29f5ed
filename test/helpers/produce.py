"""Prints bytes of every kind in bursts, for some seconds: produce.py SEED SECONDS [FILE SLOWER].

The seed decides which bytes. FILE gets how long each write took, in milliseconds: what a recorded command waited for its
terminal. SLOWER is how many times longer the pauses between bursts are.
"""
import os, random, sys, time

seed, seconds = int(sys.argv[1]), float(sys.argv[2])
slower = float(sys.argv[4]) if len(sys.argv) > 4 else 1
source = random.Random(seed)
texts = [b"plain ", "žluť ".encode(), "日本語 ".encode(), "🎞️ ".encode(), b"\x1b[31mred\x1b[0m ", b"\xff\xfe\xc3( ", b"\r\n"]
end = time.monotonic() + seconds
burst = 0
waits = []


def write(data):
    since = time.monotonic()
    os.write(1, data)
    waits.append(1000 * (time.monotonic() - since))


while time.monotonic() < end:
    burst += 1
    data = b"%d/%d: " % (seed, burst) + b"".join(source.choices(texts, k=source.choice([1, 3, 20, 2000])))
    data += source.randbytes(source.choice([0, 0, 10_000]))
    while data:
        # Pieces cut characters in two.
        size = source.randint(1, 4000)
        write(data[:size])
        data = data[size:]
    time.sleep(slower * source.choice([0, 0.001, 0.01, 0.05]))
write(b"\nproduced %d\n" % seed)
if len(sys.argv) > 3:
    with open(sys.argv[3], "w") as file:
        file.writelines("%.2f\n" % wait for wait in waits)
