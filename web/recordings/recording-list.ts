import { type ReadonlySignal, signal } from '@preact/signals'
import type { Api } from '../api/api.ts'
import { type ApiError, asApiError } from '../api/api-error.ts'
import type { Recording, RecordingPage } from '../api/recording.ts'

/** One answer's worth: two screens of rows. */
const pageRows = 50
/** How soon a new or ended session shows. */
const refreshMs = 3000
/** Live rows below the first page that are asked for one by one; more are seldom seen at once. */
const refreshedRowsMax = 20

export interface RecordingList {
  readonly rows: ReadonlySignal<Recording[]>
  readonly state: ReadonlySignal<'loading' | 'ready' | 'end' | 'error'>
  readonly error: ReadonlySignal<ApiError | undefined>
  more(): Promise<void>
  close(): void
}

/** The list under one set of filters: grows at its end, and refreshes what it holds without moving it. */
export function openRecordingList(api: Api, query: URLSearchParams): RecordingList {
  const rows = signal<Recording[]>([])
  const state = signal<'loading' | 'ready' | 'end' | 'error'>('ready')
  const error = signal<ApiError | undefined>(undefined)
  const gone = new AbortController()
  let cursor: string | undefined
  const ask = (after?: string) => {
    const asked = new URLSearchParams(query)
    asked.set('limit', String(pageRows))
    if (after) asked.set('after', after)
    return api.call<RecordingPage>(`/api/recordings?${asked}`, { signal: gone.signal })
  }

  async function more(): Promise<void> {
    if (state.value === 'loading' || state.value === 'end') return
    state.value = 'loading'
    try {
      const page = await ask(cursor)
      const known = new Set(rows.value.map((row) => row.id))
      rows.value = [...rows.value, ...page.recordings.filter((row) => !known.has(row.id))]
      cursor = page.next
      error.value = undefined
      state.value = page.next ? 'ready' : 'end'
    } catch (caught) {
      if (gone.signal.aborted) return
      error.value = asApiError(caught)
      state.value = 'error'
    }
  }

  async function refresh(): Promise<void> {
    if (document.hidden || state.value === 'loading' || state.value === 'error') return
    const page = await ask()
    const fresh = new Map(page.recordings.map((row) => [row.id, row]))
    const onlyLive = query.get('state') === 'live'
    const stale = rows.value.filter((row) => row.state === 'live' && !fresh.has(row.id))
    for (const row of stale.slice(0, refreshedRowsMax)) {
      const now = await api
        .call<Recording>(`/api/recordings/${row.id}`, { signal: gone.signal })
        .catch(() => row)
      fresh.set(row.id, now)
    }
    const known = new Set(rows.value.map((row) => row.id))
    const kept = rows.value
      .map((row) => fresh.get(row.id) ?? row)
      .filter((row) => !onlyLive || row.state === 'live')
    // Oldest first, new ones belong to the end, which paging brings.
    const added =
      query.get('sort') === 'start' && cursor ? [] : page.recordings.filter((row) => !known.has(row.id))
    rows.value = query.get('sort') === 'start' ? [...kept, ...added] : [...added, ...kept]
  }

  const timer = setInterval(() => refresh().catch(() => undefined), refreshMs)
  more()
  return {
    rows,
    state,
    error,
    more,
    close() {
      clearInterval(timer)
      gone.abort()
    },
  }
}
