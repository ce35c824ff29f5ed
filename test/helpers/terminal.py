"""A terminal for tests: runs a command on a PTY of its own session, as sshd or a terminal window would.

terminal.py COLUMNS ROWS COMMAND...   stdin: lines of JSON {"write": base64} {"resize": [columns, rows]} {"hangup": true}
                                 stdout: what the command printed; exit status: the command's (128 + signal)
"""
import base64, fcntl, json, os, pty, select, signal, struct, sys, termios

columns, rows, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


child, master = pty.fork()
if child == 0:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    resize(0, columns, rows)
    os.execvp(command[0], command)
resize(master, columns, rows)

pending = b""
while True:
    ready, _, _ = select.select([master, 0], [], [])
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            data = b""
        if not data:
            break
        view = memoryview(data)
        while view:
            view = view[os.write(1, view):]
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            # Who drives us is gone.
            os.close(master)
            os._exit(1)
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "write" in order:
                os.write(master, base64.b64decode(order["write"]))
            if "resize" in order:
                resize(master, *order["resize"])
            if "hangup" in order:
                os.close(master)
                os._exit(0)
_, status = os.waitpid(child, 0)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
