"""The terminal of the benches: runs a command on a PTY and does nothing but read.

drain.py COMMAND...          prints the seconds from the command's first 64 KiB until its terminal closed
drain.py --echo N COMMAND... once the command has printed "ready", types N single keys, one after the other, and prints
                             how many ms each took to come back
"""
import fcntl, os, pty, struct, sys, termios, time

arguments = sys.argv[1:]
echoes = 0
if arguments[0] == "--echo":
    echoes, arguments = int(arguments[1]), arguments[2:]
child, master = pty.fork()
if child == 0:
    os.environ["SHELL"] = "/bin/sh"
    os.execvp(arguments[0], arguments)
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
if echoes:
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
