"""Serves SFTP to whoever connects, without SSH around it: share-server.py ADDRESS PORT. One sftp-server a connection."""
import signal, socket, subprocess, sys

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    subprocess.Popen(["/usr/lib/openssh/sftp-server"], stdin=connection, stdout=connection)
    connection.close()
