import type { Client } from './client.ts'
import { bytes, duration, fields, localTime } from './print.ts'
import type { RecordingRow } from './recording-row.ts'

/** Prints all that is known of one recording. */
export async function show(client: Client, id: string, options: { json?: boolean }): Promise<void> {
  const row = await client.call<RecordingRow & { followUps: string[] }>(
    'GET',
    `/api/recordings/${encodeURIComponent(id)}`,
  )
  if (options.json) {
    process.stdout.write(`${JSON.stringify(row)}\n`)
    return
  }
  const { name, address } = row.client
  process.stdout.write(
    fields([
      ['id', row.id],
      [
        'session',
        `${row.session}, part ${row.sequence + 1}${row.followUps.length > 1 ? ` of ${row.followUps.length}` : ''}`,
      ],
      ['user', row.user],
      ['host', row.host],
      ['client', address || name ? [name, address].filter(Boolean).join(' ') : undefined],
      ['application', row.application],
      ['command', row.command],
      ['type', row.type],
      [row.type === 'desktop' ? 'screen' : 'terminal', `${row.columns} x ${row.rows}`],
      ['state', row.state],
      ['start', localTime(row.start)],
      ['end', row.end && localTime(row.end)],
      ['duration', duration(row.durationMs)],
      [
        'size',
        bytes(row.bytes) + (row.screenBytes > 0 ? `, ${bytes(row.screenBytes)} of it the screen` : ''),
      ],
      [
        'ended by',
        row.endReason && `${row.endReason}${row.exit === undefined ? '' : `, status ${row.exit}`}`,
      ],
      ['gaps', String(row.gaps)],
      ['proof', proofText[row.proof]],
      ['agent', row.agent],
      ['watch', `${client.url}/recordings/${row.id}`],
    ]),
  )
}

const proofText = {
  sealed: 'sealed: what is stored is chained and signed',
  unproven: 'not yet sealed to its end',
  failed: "FAILED: run 'tapedeck verify' to see what is wrong",
}
