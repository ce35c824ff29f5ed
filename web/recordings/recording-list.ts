import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Api } from '../api/api.ts'
import { type ApiError, asApiError } from '../api/api-error.ts'
import type { Recording, RecordingPage } from '../api/recording.ts'

/** One answer's worth: two screens of rows. */
const pageRows = 50
/** Live rows below the first page that are asked for one by one; more are seldom seen at once. */
const refreshedRowsMax = 20

export interface RecordingList {
  readonly rows: ReadonlySignal<Recording[]>
  readonly state: ReadonlySignal<'loading' | 'ready' | 'end' | 'error'>
  readonly error: ReadonlySignal<ApiError | undefined>
  /** The id of the row that the keyboard is on. */
  readonly selected: Signal<string | undefined>
  more(): Promise<void>
  /** Brings new and ended sessions in without moving what is there. */
  refresh(): Promise<void>
}

/** The list under one set of filters: it grows at its end. */
export function openRecordingList(api: Api, query: URLSearchParams): RecordingList {
  const rows = signal<Recording[]>([])
  const state = signal<'loading' | 'ready' | 'end' | 'error'>('ready')
  const error = signal<ApiError | undefined>(undefined)
  const oldestFirst = query.get('sort') === 'start'
  const onlyLive = query.get('state') === 'live'
  let cursor: string | undefined

  const ask = (after?: string) => {
    const asked = new URLSearchParams(query)
    asked.set('limit', String(pageRows))
    if (after) asked.set('after', after)
    return api.call<RecordingPage>(`/api/recordings?${asked}`)
  }

  async function more(): Promise<void> {
    if (state.value === 'loading' || state.value === 'end') return
    state.value = 'loading'
    try {
      take(await ask(cursor), rows.value)
      error.value = undefined
    } catch (caught) {
      error.value = asApiError(caught)
      state.value = 'error'
    }
  }

  function take(page: RecordingPage, before: Recording[]): void {
    const known = new Set(before.map((row) => row.id))
    rows.value = [...before, ...page.recordings.filter((row) => !known.has(row.id))]
    cursor = page.next
    state.value = page.next ? 'ready' : 'end'
  }

  async function refresh(): Promise<void> {
    if (state.value === 'loading' || state.value === 'error') return
    const page = await ask()
    // Meanwhile the list began to grow: next time.
    if ((state.value as string) === 'loading') return
    const fresh = new Map(page.recordings.map((row) => [row.id, row]))
    const known = new Set(rows.value.map((row) => row.id))
    // So many are new that rows between them and ours are missing: begin again.
    if (!oldestFirst && page.next && !page.recordings.some((row) => known.has(row.id))) return take(page, [])
    const stale = rows.value.filter((row) => row.state === 'live' && !fresh.has(row.id))
    for (const row of stale.slice(0, refreshedRowsMax))
      fresh.set(row.id, await api.call<Recording>(`/api/recordings/${row.id}`).catch(() => row))
    const kept = rows.value
      .map((row) => fresh.get(row.id) ?? row)
      .filter((row) => !onlyLive || row.state === 'live')
    const added = page.recordings.filter((row) => !known.has(row.id))
    // Oldest first, new ones belong to the end, which paging brings.
    if (!oldestFirst) rows.value = [...added, ...kept]
    else rows.value = state.value === 'end' && !page.next ? [...kept, ...added] : kept
  }

  more()
  return { rows, state, error, selected: signal(undefined), more, refresh }
}
