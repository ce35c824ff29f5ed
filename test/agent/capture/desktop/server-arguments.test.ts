import test from 'ava'
import { parseServerArguments } from '../../../../agent/capture/desktop/server-arguments.ts'

// Command lines as tigervncserver, vncsession, xrdp, lightdm and people by hand write them.
const lines: Record<string, { line: string; vncDisplay?: number }> = {
  'vncsession of Debian 12': {
    line: ':1 -localhost=1 -desktop ward-7:1 (ada) -rfbport=5901 -PasswordFile=/home/ada/.vnc/passwd -SecurityTypes=VncAuth -auth /home/ada/.Xauthority -geometry=1900x1200 -depth=24',
    vncDisplay: 1,
  },
  'by hand on a Unix socket': {
    line: ':2 --rfbunixpath sock/rfb -securitytypes None -rfbport -1',
    vncDisplay: 2,
  },
  'the port of the display, password beside it': { line: ':3 -rfbauth .vnc/passwd', vncDisplay: 3 },
  'TLS only': { line: ':4 -SecurityTypes TLSVnc,X509Plain -rfbauth /p', vncDisplay: 4 },
  'a password that lies nowhere': { line: ':5 -SecurityTypes VncAuth', vncDisplay: 5 },
  'no RFB at all': { line: ':6 rfbport=-1 SecurityTypes=None', vncDisplay: 6 },
  xrdp: {
    line: ':10 -auth .Xauthority -config xrdp/xorg.conf -noreset -nolisten tcp -logfile .xorgxrdp.%s.log',
  },
  lightdm: { line: ':0 -seat seat0 -auth /var/run/lightdm/root/:0 -nolisten tcp vt7 -novtswitch' },
}

for (const [name, { line, vncDisplay }] of Object.entries(lines))
  test(name, (t) => t.snapshot(parseServerArguments(line.split(' '), '/home/ada', vncDisplay), line))
