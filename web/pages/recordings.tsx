import { type Signal, useSignal } from '@preact/signals'
import { useApp } from '../app/app-state.ts'
import { FilterBar } from '../recordings/filter-bar.tsx'
import { addressOf, apiQuery, filtersOf } from '../recordings/filters.ts'
import { useKeptList } from '../recordings/kept-list.ts'
import { LiveWall } from '../recordings/live-wall.tsx'
import { RecordingTable } from '../recordings/recording-table.tsx'
import { CopyLine } from '../ui/copy.tsx'
import { Delayed, ErrorFace } from '../ui/faces.tsx'
import { Icon } from '../ui/icon.tsx'
import { usePageTitle } from '../ui/page-title.ts'

const wallKey = 'tapedeck-live-as'

/** All recordings, or with `live` those whose session still runs. */
export function RecordingsPage({ live }: { live: boolean }) {
  const { router } = useApp()
  const query = router.place.value.query
  const list = useKeptList(apiQuery(query, live).toString())

  usePageTitle(live ? 'Live sessions' : 'Recordings')
  const path = live ? '/live' : '/'
  const filters = filtersOf(query)
  const text = query.get('q') ?? ''
  const oldestFirst = query.get('sort') === 'start'
  const rows = list.rows.value
  const narrowed = filters.length > 0 || text !== ''
  const ended = list.state.value === 'end'
  const more = list.state.value === 'error' ? () => undefined : list.more
  const asWall = useWall(live)
  const waiting = rows.length === 0 && (list.state.value === 'loading' || list.state.value === 'ready')
  return (
    <div class="content">
      <div class="page-head">
        <h1>{live ? 'Live sessions' : 'Recordings'}</h1>
        <FilterBar
          key={path}
          live={live}
          filters={filters}
          text={text}
          change={(next, nextText) =>
            router.go(addressOf(path, next, nextText, oldestFirst), { replace: true })
          }
        />
        {live && (
          <button
            type="button"
            class="button"
            aria-pressed={asWall.value}
            data-testid="as-wall"
            onClick={() => {
              asWall.value = !asWall.value
              localStorage.setItem(wallKey, asWall.value ? 'wall' : 'list')
            }}
          >
            <Icon name={asWall.value ? 'list' : 'wall'} size={16} /> {asWall.value ? 'List' : 'Wall'}
          </button>
        )}
      </div>
      {waiting && (
        <Delayed>
          <SkeletonRows />
        </Delayed>
      )}
      {rows.length > 0 && asWall.value && <LiveWall rows={rows} ended={ended} more={more} />}
      {rows.length > 0 && !asWall.value && (
        <RecordingTable
          rows={rows}
          selected={list.selected}
          oldestFirst={oldestFirst}
          ended={ended}
          more={more}
          open={(recording) => router.go(`/recordings/${recording.id}`)}
          turn={() => router.go(addressOf(path, filters, text, !oldestFirst), { replace: true })}
        />
      )}
      {rows.length > 0 && list.state.value !== 'error' && (
        <p class="list-foot soft small" role="status">
          {list.state.value === 'end' ? countText(rows.length, live) : 'Loading more…'}
        </p>
      )}
      {list.state.value === 'error' && <ErrorFace error={list.error.value} retry={list.more} />}
      {rows.length === 0 && list.state.value === 'end' && (
        <Empty live={live} narrowed={narrowed} path={path} />
      )}
    </div>
  )
}

// What runs is a wall unless the reviewer wants a list.
function useWall(live: boolean): Signal<boolean> {
  return useSignal(live && localStorage.getItem(wallKey) !== 'list')
}

function countText(count: number, live: boolean): string {
  const what = live ? 'live session' : 'recording'
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`
}

function Empty({ live, narrowed, path }: { live: boolean; narrowed: boolean; path: string }) {
  if (narrowed)
    return (
      <div class="middle" data-testid="empty">
        <Icon name="list" size={36} />
        <h1>Nothing matches these filters</h1>
        <a class="button" href={path}>
          Remove all filters
        </a>
      </div>
    )
  return (
    <div class="middle" data-testid="empty">
      <Icon name={live ? 'live' : 'list'} size={36} />
      <h1>{live ? 'No session is running' : 'Nothing is recorded yet'}</h1>
      <p class="soft">
        {live ? 'Start one in a terminal, and it appears here at once:' : 'Record a shell on this machine:'}
      </p>
      <CopyLine text="./tapedeck record -- bash" what="the command" />
    </div>
  )
}

function SkeletonRows() {
  return (
    <div class="skeleton" aria-label="Loading" role="status">
      {Array.from({ length: 8 }, (_, index) => (
        <div key={index} />
      ))}
    </div>
  )
}
