/** 812 B, 4.2 KB, 1.3 MB: powers of 1,000, as disks and networks count. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  let value = bytes
  for (const unit of ['KB', 'MB', 'GB']) {
    value /= 1000
    if (value < 999.5) return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`
  }
  return `${(value / 1000).toFixed(1)} TB`
}
