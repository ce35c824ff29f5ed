import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { DesktopError } from '../../../../agent/capture/desktop/desktop-error.ts'
import { RfbConnection, type RfbServer } from '../../../../agent/capture/desktop/rfb-connection.ts'
import { encoding } from '../../../../format/rfb-reader.ts'
import { missingPrograms, startDesktop } from '../../../helpers/desktop.ts'
import { freePort } from '../../../helpers/free-port.ts'

const missing = missingPrograms('Xvnc', 'vncpasswd')
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

const raw = [encoding.raw]

async function open(t: ExecutionContext, server: RfbServer): Promise<RfbConnection> {
  const connection = await RfbConnection.open(server, raw)
  t.teardown(() => connection.close())
  return connection
}

async function passwordFile(t: ExecutionContext, password: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-vnc-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'passwd')
  const hidden = await new Promise<Buffer>((resolve, reject) => {
    const child = execFile('vncpasswd', ['-f'], { encoding: 'buffer' }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    )
    child.stdin!.end(`${password}\n`)
  })
  await writeFile(path, hidden, { mode: 0o600 })
  return path
}

/** Pixels of one whole picture. */
async function picturePixels(connection: RfbConnection): Promise<number> {
  connection.request('all')
  let pixels = 0
  while (pixels < connection.width * connection.height) {
    const part = connection.take()
    if (part?.kind === 'rectangle' && part.encoding === encoding.raw) pixels += part.width * part.height
    if (part?.kind === 'updated') connection.request('changes')
    if (!part && !(await connection.more(20_000))) throw new Error('The server sends nothing.')
  }
  return pixels
}

real('Xvnc is read over a Unix socket without a password', async (t) => {
  const desktop = await startDesktop(t, { geometry: '320x200', args: ['-desktop', 'ward'] })
  const connection = await open(t, { address: { path: desktop.socket } })
  t.deepEqual(connection.init, { width: 320, height: 200, name: 'ward' })
  t.is(await picturePixels(connection), 320 * 200)
})

real('Xvnc is read over loopback with a password, and not with another one', async (t) => {
  const port = await freePort()
  const passwd = await passwordFile(t, 'sesame')
  const desktop = await startDesktop(t, {
    geometry: '320x200',
    args: ['-rfbport', String(port), '-SecurityTypes', 'VncAuth,TLSVnc', '-rfbauth', passwd, '-localhost'],
  })
  const connection = await open(t, { address: { port }, passwordFile: passwd })
  t.is(await picturePixels(connection), 320 * 200)
  const wrong = { address: { port }, passwordFile: await passwordFile(t, 'open sesame') }
  t.is(await refusal(t, wrong), 'authentication')
  t.is(await refusal(t, { address: { path: desktop.socket } }), 'security')
  t.is(await refusal(t, { address: { port }, passwordFile: join(desktop.dir, 'absent') }), 'password-file')
})

real('a server that ends its connection is lost', async (t) => {
  const desktop = await startDesktop(t, { geometry: '320x200' })
  const connection = await open(t, { address: { path: desktop.socket } })
  await picturePixels(connection)
  desktop.server.kill('SIGKILL')
  const error = await t.throwsAsync<DesktopError>(
    async () => {
      while (true) {
        while (connection.take());
        await connection.more(20_000)
      }
    },
    { instanceOf: DesktopError },
  )
  t.is(error?.code, 'lost')
})

// What no real server says.
const greetings: Record<string, { says: (string | number[])[]; code: string }> = {
  'another protocol': { says: ['SSH-2.0-OpenSSH_9.2\r\n'], code: 'no-rfb' },
  'RFB 3.3': { says: ['RFB 003.003\n'], code: 'version' },
  'no room': { says: ['RFB 003.008\n', [0, 0, 0, 0, 4], 'full'], code: 'refused' },
  'only TLS': { says: ['RFB 003.008\n', [2, 18, 19]], code: 'security' },
  'a reason without end': { says: ['RFB 003.008\n', [0, 255, 255, 255, 255]], code: 'text-size' },
  'a screen that is too large': {
    says: ['RFB 003.008\n', [1, 1], [0, 0, 0, 0], [255, 255, 255, 255, ...Array(16).fill(0), 0, 0, 0, 0]],
    code: 'rfb-screen-size',
  },
  'a hang-up': { says: ['RFB 003.008\n'], code: 'unreachable' },
}

for (const [name, { says, code }] of Object.entries(greetings))
  test(`refused: ${name}`, async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      for (const word of says) socket.write(typeof word === 'string' ? word : new Uint8Array(word))
      socket.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    t.is(await refusal(t, { address: { port: (server.address() as AddressInfo).port } }), code)
  })

test('a socket that is not there cannot be reached', async (t) => {
  t.is(await refusal(t, { address: { path: '/nonexistent/rfb.sock' } }), 'unreachable')
})

async function refusal(t: ExecutionContext, server: RfbServer): Promise<string | undefined> {
  const error = await t.throwsAsync<DesktopError>(() => RfbConnection.open(server, raw))
  t.true(error!.message.length > 20)
  return error?.code
}
