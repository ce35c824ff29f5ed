import test from 'ava'
import fc from 'fast-check'
import { rsyncTarget, transfersOfRsyncLine } from '../../../../agent/capture/transfers/rsync-log.ts'
import { ScpParser, scpTarget } from '../../../../agent/capture/transfers/scp-protocol.ts'
import { transfersOfSftpLine } from '../../../../agent/capture/transfers/sftp-log.ts'
import { concatBytes, utf8 } from '../../../../format/bytes.ts'

test('sftp-server tells of each file when it is closed', (t) => {
  t.deepEqual(transfersOfSftpLine('close "/home/ada/x" bytes read 0 written 1529\n'), [
    { means: 'sftp', direction: 'client-to-host', path: '/home/ada/x', bytes: 1529 },
  ])
  t.deepEqual(transfersOfSftpLine('close "a" bytes read 9 written 0" bytes read 7 written 0'), [
    { means: 'sftp', direction: 'host-to-client', path: 'a" bytes read 9 written 0', bytes: 7 },
  ])
  t.is(transfersOfSftpLine('close "both" bytes read 3 written 4').length, 2)
  for (const other of ['open "x" flags READ mode 0666', 'session closed for local user ada from [::1]', ''])
    t.deepEqual(transfersOfSftpLine(other), [])
})

test('rsync tells of each file, with the folder it is sent to', (t) => {
  const target = rsyncTarget('rsync --server -logDtpre.iLsfxCIvu . copy')
  t.deepEqual(transfersOfRsyncLine('2026/11/25 01:23:25 [2050] recv 573928 a b/moduli', target), [
    {
      means: 'rsync',
      direction: 'client-to-host',
      path: 'copy/a b/moduli',
      bytes: 573928,
    },
  ])
  t.deepEqual(transfersOfRsyncLine('2026/11/25 01:23:26 [2094] send 399 etc/key', ''), [
    {
      means: 'rsync',
      direction: 'host-to-client',
      path: '/etc/key',
      bytes: 399,
    },
  ])
  t.deepEqual(
    transfersOfRsyncLine('2026/11/25 01:23:26 [2094] sent 583959 bytes  received 215 bytes', ''),
    [],
  )
})

const stream = concatBytes([
  utf8('T1790000000 0 1790000000 0\nD0755 0 ssh\nC0644 5 a name\n'),
  utf8('C\nE\n\0'),
  utf8('\0C0600 0 empty\n\0E\nC0644 3 last\n'),
  new Uint8Array([10, 0, 255, 0]),
])

test('scp: names through folders, contents are passed over, in any pieces', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 8 }), (cuts) => {
      const parser = new ScpParser('client-to-host', scpTarget('scp -r -t /srv/in/'))
      const ends = [...cuts, stream.length].sort((a, b) => a - b)
      const found = ends.flatMap((end, i) => parser.push(stream.subarray(ends[i - 1] ?? 0, end)))
      t.deepEqual(
        found.map(({ path, bytes }) => [path, bytes]),
        [
          ['/srv/in/ssh/a name', 5],
          ['/srv/in/ssh/empty', 0],
          ['/srv/in/last', 3],
        ],
      )
      t.true(parser.follows)
    }),
  )
})

test('scp: what is not its protocol ends the telling, not the session', (t) => {
  const parser = new ScpParser('host-to-client', 'x')
  t.deepEqual(parser.push(utf8('hello world\nC0644 3 x\nabc\0')), [])
  t.false(parser.follows)
  const endless = new ScpParser('host-to-client', 'x')
  endless.push(new Uint8Array(100_000).fill(65))
  t.false(endless.follows)
})
