import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { logText } from './log-text.ts'
import { randomNumbers } from './random-numbers.ts'

// Somebody's work in bash: five keys a second with mistakes and their corrections, commands, their output, and a pause to
// read it. A real bash on a real PTY answers the keys; only the time between them is made up.

/** What the terminal showed at a time, µs since the session's start. */
export interface Shown {
  timeUs: number
  bytes: Buffer
}

const drain = fileURLToPath(new URL('drain.py', import.meta.url))
const prompt = '\\[\\e[1;32m\\]ada@ward-7\\[\\e[0m\\]:\\[\\e[1;34m\\]\\w\\[\\e[0m\\]\\$ '
/** Times of the files, s since the epoch. */
const filesAtS = 1_767_600_000
const mistakeShare = 0.03
/** From a key to its echo. */
const echoUs = 1500

/** `dir` is filled with files to work on. */
export async function typedSession(dir: string, durationS: number): Promise<Shown[]> {
  await layOut(dir)
  const random = randomNumbers(2)
  const keys: { key: string; timeUs: number }[] = []
  let timeUs = 0
  const press = (key: string) => {
    timeUs += Math.round(80_000 + random() * 240_000)
    keys.push({ key, timeUs })
  }
  while (timeUs < durationS * 1e6) {
    for (const letter of commandLine(random)) {
      if (random() < mistakeShare) {
        press('x')
        press('\u007f')
      }
      press(letter)
    }
    press('\r')
    timeUs += Math.round(1e6 + random() ** 2 * 12e6)
  }
  const answers = await type(
    dir,
    keys.map(({ key }) => key),
  )
  // The first is the prompt before any key.
  return answers
    .map((bytes, i) => ({ timeUs: (keys[i - 1]?.timeUs ?? 0) + echoUs, bytes }))
    .filter(({ bytes }) => bytes.length > 0)
}

async function type(dir: string, keys: string[]): Promise<Buffer[]> {
  const env = { PATH: process.env.PATH, HOME: dir, TERM: 'xterm-256color', LANG: 'C.UTF-8' }
  const child = spawn('python3', [drain, '--keys', 'bash', '--rcfile', '.bashrc', '-i'], { cwd: dir, env })
  const printed = text(child.stdout)
  const said = text(child.stderr)
  child.stdin.end(JSON.stringify(keys))
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`The typed session ended with ${status}: ${await said}`)
  return (await printed).split('\n').map((line) => Buffer.from(line, 'base64'))
}

async function layOut(dir: string): Promise<void> {
  await writeFile(join(dir, '.bashrc'), `PS1='${prompt}'\n`)
  const log = logText(1024 * 1024)
    .toString()
    .split('\n')
  for (const [i, name] of ['alpha', 'beta', 'gamma'].entries()) {
    const folder = join(dir, name)
    await mkdir(folder)
    for (let file = 0; file < 8; file++) {
      const path = join(folder, `${file % 2 === 0 ? 'app' : 'access'}-${file}.log`)
      await writeFile(path, `${log.slice((i * 8 + file) * 150, (i * 8 + file + 1) * 150).join('\n')}\n`)
      await utimes(path, filesAtS + file * 3600, filesAtS + file * 3600)
    }
    await utimes(folder, filesAtS, filesAtS)
  }
}

function commandLine(random: () => number): string {
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!
  const word = () => pick(words)
  const folder = () => pick(['alpha', 'beta', 'gamma'])
  const log = () => `~/${folder()}/${pick(['app-0', 'access-1', 'app-2', 'access-3', 'app-4'])}.log`
  const sentence = () => Array.from({ length: 5 + Math.floor(random() * 14) }, word).join(' ')
  const commands = [
    () => `ls -l ~/${folder()}`,
    () => `cd ~/${folder()}`,
    () => `grep -n ${word()} ${log()} | head -${3 + Math.floor(random() * 15)}`,
    () => `tail -n ${5 + Math.floor(random() * 20)} ${log()}`,
    () => `awk '{ print $3 }' ${log()} | sort | uniq -c | sort -rn | head -8`,
    () => `wc -l ~/${folder()}/*.log`,
    () => `echo "${sentence()}." >> ~/notes.txt`,
    () => `echo "${sentence()}, ${sentence()}." >> ~/notes.txt`,
    () => 'tail -n 4 ~/notes.txt',
    () => `for f in ~/${folder()}/app-*.log; do head -n 2 $f; done`,
    () => `sed -n '/${word()}/s/id=.*//p' ${log()} | head -${2 + Math.floor(random() * 6)}`,
  ]
  return commands[Math.floor(random() * commands.length)]!()
}

const words =
  'the a patient nurse checked ward record again before server timeout connection retry failed started user session backup nightly report asked doctor restart service after lunch because queue grew while nobody looked and then it was fine we should watch this tomorrow morning disk almost full moved old files somewhere safe nginx postgres cron sshd kernel'.split(
    ' ',
  )
