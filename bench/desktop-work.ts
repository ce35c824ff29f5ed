import { setTimeout as sleep } from 'node:timers/promises'
import { type Desktop, dress } from '../test/helpers/desktop.ts'
import type { Area } from '../test/helpers/picture.ts'

// What people do at a desktop, by a script, the same every time: a terminal that prints, an editor that is typed into, a
// page that is scrolled, windows that are moved; or a video that plays beside a terminal.

/** Opens the windows of an office. Resolves with what works in them for `ms`. */
export async function openOffice(desktop: Desktop): Promise<(ms: number) => Promise<void>> {
  await dress(desktop)
  const build =
    'sleep 4; while :; do for f in /usr/share/doc/[a-d]*; do echo "  CC  $f"; ls -l $f | head -3; sleep 0.15; done; done'
  const shell = await desktop.xterm('build', { geometry: '90x30+10+20', command: build })
  const editor = await desktop.xterm('editor', {
    geometry: '90x40+760+60',
    command: 'exec vi -u NONE -c startinsert notes.txt',
  })
  const browser = await desktop.page('long', longPage())
  await desktop.run('xdotool', 'windowsize', browser, '900', '620', 'windowmove', browser, '300', '340')
  await sleep(2000)
  const xdotool = (...args: string[]) => desktop.run('xdotool', ...args)
  const steps = [
    async () => {
      await xdotool('windowactivate', editor, 'windowraise', editor)
      await xdotool('type', '--delay', '120', `${sentence}\n`)
    },
    async () => {
      await xdotool('windowactivate', browser, 'mousemove', '700', '600')
      await xdotool('click', '--repeat', '24', '--delay', '250', '5')
    },
    async () => {
      await xdotool('windowactivate', shell, 'windowraise', shell)
      for (let i = 0; i < 40; i++) {
        await xdotool('windowmove', shell, String(10 + i * 14), String(20 + i * 6))
        await sleep(40)
      }
      await xdotool('windowmove', shell, '10', '20')
    },
    async () => {
      await xdotool('mousemove', '200', '700')
      for (let i = 0; i < 30; i++)
        await xdotool('mousemove_relative', '--', String(20 - (i % 7)), String((i % 5) * 4 - 8))
    },
  ]
  return async (ms) => {
    const until = performance.now() + ms
    for (let i = 0; performance.now() < until; i++) await steps[i % steps.length]!()
  }
}

/** Where the video is. */
export const videoArea: Area = { x: 700, y: 100, width: 640, height: 360 }

/** Opens a video of ffmpeg's test source, 25 pictures a second, and a terminal. It stands still in the end. */
export async function openVideo(desktop: Desktop): Promise<(ms: number) => Promise<void>> {
  await dress(desktop)
  const { x, y, width, height } = videoArea
  await desktop.xterm('shell', { geometry: '80x24+10+600', command: 'while :; do date; sleep 1; done' })
  const player = await desktop.video(`testsrc2=size=${width}x${height}:rate=25`, x, y)
  await sleep(1000)
  return async (ms) => {
    await sleep(ms)
    player.kill('SIGSTOP')
    await sleep(2000)
  }
}

const sentence = 'The quick brown fox writes down what the lazy dog said at noon, and why.'

function longPage(): string {
  const words = sentence.split(' ')
  const paragraphs = Array.from({ length: 300 }, (_, i) => {
    const text = Array.from({ length: 60 }, (_, j) => words[(i * 7 + j * j) % words.length]).join(' ')
    return `<h2>${i}. ${words[i % words.length]}</h2><p>${text}</p><div style="background:hsl(${i * 37},60%,70%);height:40px"></div>`
  })
  return `<body style="font:15px sans-serif;max-width:700px">${paragraphs.join('\n')}`
}
