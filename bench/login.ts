import { openRecordedFarm, type RecordedFarm } from '../test/helpers/recorded-farm.ts'
import type { Figure } from './main.ts'
import { median } from './median.ts'

// What a recorded user waits longer than an unrecorded one: ada and eve do the same by turns, over a connection that is open,
// so that what ssh itself costs is in neither.

const rounds = 40
const prompt = 'at-prompt: '
const shared = ['-oControlMaster=auto', '-oControlPath=/tmp/bench-%r', '-oControlPersist=600']

export async function run({ quick }: { quick: boolean }): Promise<Figure[]> {
  const removes: (() => Promise<void>)[] = []
  try {
    const farm = await openRecordedFarm({ teardown: (remove) => removes.push(remove) })
    await farm.sh(`for user in ada eve; do echo 'PS1="${prompt}"' >/home/$user/.bashrc; done`)
    const turns = quick ? 5 : rounds
    await compare(farm, 3)
    const { loginMs, execMs } = await compare(farm, turns)
    const parts = await partsOf(farm, turns)
    await farm.killAgent('SIGTERM')
    const alone = await compare(farm, turns)
    const decision = (withIt: number, without: number) => `the agent's decision ${ms(withIt - without)}`
    return [
      {
        key: 'login_added_ms',
        value: loginMs,
        bar: { atMost: 120 },
        about: `until the prompt, median of ${turns} pairs: ${decision(loginMs, alone.loginMs)}, sudo ${ms(parts.sudo)}, two mounts ${ms(parts.mounts)}; the rest is script, shells and small programs`,
      },
      {
        key: 'exec_added_ms',
        value: execMs,
        bar: { atMost: 40 },
        about: `of \`ssh host true\`, the same: ${decision(execMs, alone.execMs)}, sudo ${ms(parts.sudo)}, two mounts ${ms(parts.mounts)}; the rest is shells, tee and small programs`,
      },
    ]
  } finally {
    for (const remove of removes) await remove()
  }
}

const ms = (value: number) => `${value.toFixed(1)} ms`

/** Medians of what each pair of recorded and unrecorded differs by. */
async function compare(farm: RecordedFarm, turns: number): Promise<{ loginMs: number; execMs: number }> {
  const login: number[] = []
  const exec: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    login.push((await loginMs(farm, 'ada')) - (await loginMs(farm, 'eve')))
    exec.push((await execMs(farm, 'ada')) - (await execMs(farm, 'eve')))
  }
  return { loginMs: median(login), execMs: median(exec) }
}

async function loginMs(farm: RecordedFarm, user: string): Promise<number> {
  const fromMs = performance.now()
  const ssh = farm.start(farm.ssh(user, '-tt', ...shared, '--'), { stdin: 'pipe' })
  let said = ''
  const atMs = await new Promise<number>((resolve, reject) => {
    ssh.stdout!.on('data', (chunk) => {
      said += chunk
      if (said.includes(prompt)) resolve(performance.now())
    })
    ssh.once('close', (status) => reject(new Error(`ssh ended with ${status}: ${said}`)))
  })
  const ended = new Promise((resolve) => ssh.once('close', resolve))
  ssh.stdin!.write('exit\n')
  await ended
  return atMs - fromMs
}

async function execMs(farm: RecordedFarm, user: string): Promise<number> {
  const fromMs = performance.now()
  const { status, stderr } = await farm.run(farm.ssh(user, ...shared, '--', 'true'))
  if (status !== 0) throw new Error(`ssh ended with ${status}: ${stderr}`)
  return performance.now() - fromMs
}

/** Each alone, less what starting a program costs. */
async function partsOf(farm: RecordedFarm, turns: number) {
  const times = async (command: string) => {
    const { stdout } = await farm.run(['bash', '-c', loop(command, turns)])
    return median(stdout.toString().trim().split('\n').map(Number)) * 1000
  }
  const none = await times('/bin/true')
  return {
    sudo: (await times('sudo -n -u eve /bin/true')) - none,
    mounts: (await times('for i in 1 2; do mount -t tmpfs -o size=8m tapedeck /mnt; done')) - none,
  }
}

const loop = (command: string, turns: number) => `for turn in $(seq ${turns}); do
  from=$EPOCHREALTIME; ${command} >/dev/null 2>&1 </dev/null; to=$EPOCHREALTIME
  umount /mnt /mnt 2>/dev/null
  awk "BEGIN { print $to - $from }"
done`
