import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { processAlive } from '../../../agent/capture/process-name.ts'
import { readSessionFile } from '../../../agent/capture/session-file.ts'
import { eventually } from '../../helpers/eventually.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'
import { onTerminal, recorded, recordSh, runs, sessionsOf } from './record-session.ts'

// How a session of record.sh ends, by whom, and who gets the signals.

test('a signal ends the session and is its status, but SIGINT, which a shell leaves to its program', async (t) => {
  for (const [signal, number] of [
    ['SIGTERM', 15],
    ['SIGQUIT', 3],
    ['SIGHUP', 1],
    ['SIGKILL', 9],
  ] as const) {
    const home = await temporaryFolder(t)
    const program = ['sh', '-c', 'echo up; read x; echo again; exec sleep 1000']
    const pty = onTerminal(t, ['sh', recordSh, '--home', home, '--', ...program])
    await pty.waitFor('up')
    const [dir] = await sessionsOf(home)
    const session = (await readSessionFile(dir!))!
    process.kill(pty.child(), 'SIGINT')
    pty.write('\r')
    await pty.waitFor('again')
    t.true(processAlive(session))
    process.kill(pty.child(), signal)
    t.is(await pty.exit, 128 + number)
    await eventually(() => {
      if (processAlive(session)) throw new Error('The recorder runs.')
    })
    t.true(recorded(dir!).output.endsWith('again\r\n'))
  }
})

test('a recorder that is killed takes its program with it, and the log has what was shown', async (t) => {
  const home = await temporaryFolder(t)
  const pty = onTerminal(t, [
    'sh',
    recordSh,
    '--home',
    home,
    '--',
    'sh',
    '-c',
    'echo "pid $$!"; exec sleep 1000',
  ])
  await pty.waitFor('!\r\n')
  const program = Number(/pid (\d+)!/.exec(pty.output().toString())![1])
  const [dir] = await sessionsOf(home)
  const session = (await readSessionFile(dir!))!
  process.kill(session.pid, 'SIGKILL')
  t.is(await pty.exit, 137)
  await eventually(() => {
    if (processAlive(session) || runs(program)) throw new Error('Something runs.')
  })
  t.is(recorded(dir!).output, `pid ${program}!\r\n`)
})

test('a closed window ends the session, whatever its program does, and as leader or not', async (t) => {
  for (const shell of [[], ['sh', '-c', '"$@"; true', 'sh'], ['bash', '-c', '"$@"; true', 'bash']]) {
    const home = await temporaryFolder(t)
    const program = ['sh', '-c', 'trap "" HUP; echo ready; cat; exec sleep 1000']
    const pty = onTerminal(t, [...shell, 'sh', recordSh, '--home', home, '--', ...program])
    await pty.waitFor('ready')
    // Half a line: an end of file would not end `cat`.
    pty.write('half a line')
    await pty.waitFor('half a line')
    const [dir] = await sessionsOf(home)
    const session = (await readSessionFile(dir!))!
    pty.hangup()
    await eventually(() => {
      if (processAlive(session)) throw new Error('It runs still.')
    })
    t.true(recorded(dir!).output.includes('half a line'))
  }
})

test('nohup keeps a session whose window was closed', async (t) => {
  const home = await temporaryFolder(t)
  const go = join(home, 'go')
  const program = `trap "" HUP; echo ready; until [ -e ${go} ]; do sleep 0.05; done; echo done; exit 3`
  const pty = onTerminal(t, [
    'sh',
    '-c',
    `trap "" HUP; exec sh ${recordSh} --home ${home} -- sh -c '${program}'`,
  ])
  await pty.waitFor('ready')
  const [dir] = await sessionsOf(home)
  const session = (await readSessionFile(dir!))!
  pty.hangup()
  await pty.exit
  t.true(processAlive(session))
  await writeFile(go, '')
  await eventually(() => {
    if (processAlive(session)) throw new Error('It runs still.')
  })
  t.true(recorded(dir!).output.includes('done'))
})

test('keys that signal go to the program, not to the recorder', async (t) => {
  const home = await temporaryFolder(t)
  const shell = ['env', 'PS1=ready$ ', 'bash', '--norc', '-i']
  const pty = onTerminal(t, ['sh', recordSh, '--home', home, '--', ...shell])
  await pty.waitFor('ready$ ')
  pty.write("sh -c 'echo going; exec sleep 1000'\r")
  await pty.waitFor('going\r\n')
  pty.write('\u0003')
  await pty.waitFor('ready$ ')
  // Stopped and brought back by the shell inside.
  pty.write("sh -c 'echo going; exec cat'\r")
  await pty.waitFor('going\r\n')
  pty.write('\u001a')
  await pty.waitFor('Stopped')
  await pty.waitFor('ready$ ')
  pty.write('fg\r')
  await pty.waitFor("exec cat'\r\n")
  pty.write('through cat\r')
  await pty.waitFor('through cat\r\nthrough cat')
  pty.write('\u0004')
  await pty.waitFor('ready$ ')
  pty.write('exit 9\r')
  t.is(await pty.exit, 9)
})

test('a recorded program has no shell to go back to, so Ctrl-Z does not stop it', async (t) => {
  const home = await temporaryFolder(t)
  const pty = onTerminal(t, ['sh', recordSh, '--home', home, '--', 'sh', '-c', 'echo going; exec cat'])
  await pty.waitFor('going\r\n')
  pty.write('\u001a')
  await pty.waitFor('^Z')
  pty.write('still here\r')
  await pty.waitFor('still here\r\nstill here')
  pty.write('\u0004')
  t.is(await pty.exit, 0)
})
