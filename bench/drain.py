"""The terminal of the benches: runs a command on a PTY and does little but read.

drain.py COMMAND...          prints the seconds from the command's first 64 KiB until its terminal closed
drain.py --echo N COMMAND... once the command has printed "ready", types N single keys, one after the other, and prints
                             how many ms each took to come back
drain.py --keys COMMAND...   types what standard input has, a JSON list of keys, each once the one before has been
                             answered, and prints a line for each: what came back, in base64
"""
import base64, fcntl, json, os, pty, select, struct, sys, termios, time

arguments = sys.argv[1:]
echoes = 0
keys = None
if arguments[0] == "--keys":
    keys, arguments = json.load(sys.stdin), arguments[1:]
if arguments[0] == "--echo":
    echoes, arguments = int(arguments[1]), arguments[2:]
child, master = pty.fork()
if child == 0:
    os.environ["SHELL"] = "/bin/sh"
    os.execvp(arguments[0], arguments)
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))



def until_quiet(seconds):
    """What comes until nothing has come for so long; at least something, or the end."""
    said = b""
    wait = 5
    while select.select([master], [], [], wait)[0]:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        said += data
        wait = seconds
    return said


if keys is not None:
    for key in ["", *keys]:
        os.write(master, key.encode())
        # The echo of a letter is one write; a command may think.
        print(base64.b64encode(until_quiet(0.0005 if len(key) == 1 and key >= " " else 0.03)).decode())
    os.close(master)
    os.waitpid(child, 0)
elif echoes:
    said = b""
    while b"ready" not in said:
        said += os.read(master, 65536)
    # What still comes of starting up is over when nothing has come for a while.
    time.sleep(0.5)
    for i in range(echoes):
        key = bytes([97 + i % 26])
        before = time.perf_counter()
        os.write(master, key)
        while key not in os.read(master, 65536):
            pass
        print(f"{(time.perf_counter() - before) * 1000:.4f}")
        time.sleep(0.004)
    os.write(master, b"\x03")
    os.waitpid(child, 0)
else:
    count = 0
    start = None
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        count += len(data)
        if start is None and count >= 65536:
            start = time.perf_counter()
    print(time.perf_counter() - start)
    os.waitpid(child, 0)
