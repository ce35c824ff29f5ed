import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../ui/icon.tsx'
import { type Filter, type FilterName, filterLabels, filterNames } from './filters.ts'

interface Props {
  filters: Filter[]
  text: string
  live: boolean
  change(filters: Filter[], text: string): void
}

/** Typing waits this long before it asks the server. */
const typingMs = 250

/** A search field, the filters as removable chips, and a line to add one. */
export function FilterBar(props: Props) {
  const { filters, text, live, change } = props
  const adding = useSignal<FilterName | undefined>(undefined)
  const typed = useSignal(text)
  const timer = useRef(0)
  const latest = useRef(props)
  latest.current = props
  // The address may change from elsewhere, as by the browser's way back; not under somebody who types.
  useEffect(() => {
    if (timer.current === 0) typed.value = text
  }, [text, typed])
  useEffect(() => () => clearTimeout(timer.current), [])
  const search = (next: string) => {
    typed.value = next
    clearTimeout(timer.current)
    timer.current = window.setTimeout(() => {
      timer.current = 0
      latest.current.change(latest.current.filters, next.trim())
    }, typingMs)
  }
  const free = filterNames.filter(
    (name) => !filters.some((filter) => filter.name === name) && !(live && name === 'state'),
  )
  return (
    <div class="filters">
      <input
        class="input search"
        type="search"
        placeholder="Search user, host, application, command"
        aria-label="Search recordings"
        data-testid="search"
        value={typed.value}
        onInput={(event) => search(event.currentTarget.value)}
      />
      {filters.map((filter) => (
        <span class="chip" key={filter.name} data-testid={`chip-${filter.name}`}>
          <span class="soft">{filterLabels[filter.name]}</span> {filter.value}
          <button
            type="button"
            aria-label={`Remove the filter ${filterLabels[filter.name]}`}
            onClick={() =>
              change(
                filters.filter((other) => other !== filter),
                text,
              )
            }
          >
            <Icon name="close" size={14} />
          </button>
        </span>
      ))}
      {adding.value ? (
        <AddFilter
          name={adding.value}
          add={(value) => {
            const name = adding.value!
            adding.value = undefined
            if (value) change([...filters, { name, value }], text)
          }}
        />
      ) : (
        free.length > 0 && (
          <select
            class="input add"
            aria-label="Add a filter"
            data-testid="add-filter"
            value=""
            onChange={(event) => {
              adding.value = (event.currentTarget.value || undefined) as FilterName | undefined
            }}
          >
            <option value="">Add a filter…</option>
            {free.map((name) => (
              <option key={name} value={name}>
                {filterLabels[name]}
              </option>
            ))}
          </select>
        )
      )}
    </div>
  )
}

function AddFilter({ name, add }: { name: FilterName; add(value: string): void }) {
  const focus = (element: HTMLElement | null) => element?.focus()
  if (name === 'state')
    return (
      <select
        class="input add"
        ref={focus}
        aria-label="State"
        onChange={(event) => add(event.currentTarget.value)}
      >
        <option value="">State…</option>
        <option value="live">live</option>
        <option value="complete">complete</option>
        <option value="dormant">dormant</option>
      </select>
    )
  const shared = { class: 'input', ref: focus, name: 'value', 'aria-label': filterLabels[name] }
  return (
    <form
      class="adding"
      onSubmit={(event) => {
        event.preventDefault()
        add(String(new FormData(event.currentTarget).get('value')).trim())
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') add('')
      }}
    >
      {name === 'from' || name === 'to' ? (
        <input {...shared} type="date" />
      ) : (
        <input {...shared} type="text" placeholder={filterLabels[name]} />
      )}
      <button type="submit" class="button">
        Add
      </button>
    </form>
  )
}
