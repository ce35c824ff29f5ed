import { appendFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { escapeControls } from '../print.ts'

/** Says each step to who watches, and keeps it in the install log with its time. Secrets are never given to it. */
export interface InstallLog {
  readonly steps: string[]
  say(step: string): Promise<void>
}

export async function openInstallLog(
  path: string,
  { quiet, title }: { quiet: boolean; title: string },
): Promise<InstallLog> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 })
  const keep = (text: string) =>
    appendFile(path, `${new Date().toISOString()} ${escapeControls(text)}\n`, { mode: 0o640 })
  await keep(title)
  const steps: string[] = []
  return {
    steps,
    async say(step) {
      steps.push(step)
      await keep(step)
      if (!quiet) process.stdout.write(`${escapeControls(step)}\n`)
    },
  }
}
