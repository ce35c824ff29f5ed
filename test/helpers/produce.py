"""Prints bytes of every kind in bursts, for some seconds: produce.py SEED SECONDS. The seed decides which bytes."""
import os, random, sys, time

seed, seconds = int(sys.argv[1]), float(sys.argv[2])
source = random.Random(seed)
texts = [b"plain ", "žluť ".encode(), "日本語 ".encode(), "🎞️ ".encode(), b"\x1b[31mred\x1b[0m ", b"\xff\xfe\xc3( ", b"\r\n"]
end = time.monotonic() + seconds
burst = 0
while time.monotonic() < end:
    burst += 1
    data = b"%d/%d: " % (seed, burst) + b"".join(source.choices(texts, k=source.choice([1, 3, 20, 2000])))
    data += source.randbytes(source.choice([0, 0, 10_000]))
    while data:
        # Pieces cut characters in two.
        size = source.randint(1, 4000)
        os.write(1, data[:size])
        data = data[size:]
    time.sleep(source.choice([0, 0.001, 0.01, 0.05]))
os.write(1, b"\nproduced %d\n" % seed)
