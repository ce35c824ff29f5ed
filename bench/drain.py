"""The terminal of the benches: runs a command on a PTY and does nothing but read.

drain.py COMMAND...          prints the seconds until the command's terminal closed
drain.py --echo N COMMAND... types N single keys, one after the other, and prints how many ms each took to come back
"""
import fcntl, os, pty, struct, sys, termios, time

arguments = sys.argv[1:]
echoes = 0
if arguments[0] == "--echo":
    echoes, arguments = int(arguments[1]), arguments[2:]
start = time.perf_counter()
child, master = pty.fork()
if child == 0:
    os.environ["SHELL"] = "/bin/sh"
    os.execvp(arguments[0], arguments)
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
if echoes:
    time.sleep(1.5)
    os.set_blocking(master, False)
    try:
        os.read(master, 65536)
    except BlockingIOError:
        pass
    os.set_blocking(master, True)
    for i in range(echoes):
        key = bytes([97 + i % 26])
        before = time.perf_counter()
        os.write(master, key)
        while key not in os.read(master, 65536):
            pass
        print(f"{(time.perf_counter() - before) * 1000:.4f}")
        time.sleep(0.004)
        if i % 60 == 59:
            os.write(master, b"\r")
            time.sleep(0.02)
            os.read(master, 65536)
    os.write(master, b"\x03")
else:
    while True:
        try:
            if not os.read(master, 65536):
                break
        except OSError:
            break
    os.waitpid(child, 0)
    print(time.perf_counter() - start)
