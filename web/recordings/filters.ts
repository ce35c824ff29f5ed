/** What the list can be narrowed by; the names are the API's. */
export const filterNames = ['user', 'host', 'application', 'state', 'from', 'to'] as const
export type FilterName = (typeof filterNames)[number]

export const filterLabels: Record<FilterName, string> = {
  user: 'User',
  host: 'Host',
  application: 'Application',
  state: 'State',
  from: 'From',
  to: 'Until',
}

export interface Filter {
  name: FilterName
  value: string
}

/** Filters live in the page's address, so that a filtered list can be kept and sent. */
export function filtersOf(query: URLSearchParams): Filter[] {
  return filterNames.flatMap((name) => query.getAll(name).map((value) => ({ name, value })))
}

export function addressOf(path: string, filters: Filter[], text: string, oldestFirst: boolean): string {
  const query = new URLSearchParams()
  for (const filter of filters) query.set(filter.name, filter.value)
  if (text) query.set('q', text)
  if (oldestFirst) query.set('sort', 'start')
  return query.size > 0 ? `${path}?${query}` : path
}

/** The API's query for a page address. Dates are days of the reader's zone; `to` includes its day. */
export function apiQuery(query: URLSearchParams, live: boolean): URLSearchParams {
  const asked = new URLSearchParams()
  for (const { name, value } of filtersOf(query)) {
    if (name === 'from') asked.set(name, dayStart(value, 0))
    else if (name === 'to') asked.set(name, dayStart(value, 1))
    else asked.set(name, value)
  }
  if (live) asked.set('state', 'live')
  const text = query.get('q')
  if (text) asked.set('q', text)
  asked.set('sort', query.get('sort') === 'start' ? 'start' : '-start')
  return asked
}

function dayStart(day: string, later: number): string {
  const date = new Date(`${day}T00:00:00`)
  if (Number.isNaN(date.getTime())) return day
  date.setDate(date.getDate() + later)
  return date.toISOString()
}
