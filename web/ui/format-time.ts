// Times as people read them. Durations in µs or ms as named; dates in the reader's zone, which is always said.

const two = (value: number) => String(value).padStart(2, '0')

/** 00:12:04; with hundredths when asked for. */
export function clockText(timeUs: number, hundredths = false): string {
  const seconds = Math.max(0, Math.floor(timeUs / 1e6))
  const text = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return hundredths ? `${text}.${two(Math.floor(Math.max(0, timeUs) / 1e4) % 100)}` : text
}

/** 3 h 05 min, 4 min 10 s, 12 s: at most two units. */
export function durationText(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000)
  if (seconds < 60) return durationMs > 0 && seconds === 0 ? '<1 s' : `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}

/** 2026-11-24 02:30:07 in the reader's zone. */
export function localText(ms: number): string {
  const date = new Date(ms)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${localClockText(ms)}`
}

export function localClockText(ms: number): string {
  const date = new Date(ms)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** For hovers: UTC and the name of the zone that is shown. */
export function zoneText(ms: number): string {
  return `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} UTC · shown in ${zoneName()}`
}

/** EDT, MEZ or GMT+2, as it was at that time. */
export function zoneShort(ms: number): string {
  const parts = new Intl.DateTimeFormat(undefined, { timeZoneName: 'short' }).formatToParts(ms)
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zoneName()
}

export function zoneName(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'local time'
}
