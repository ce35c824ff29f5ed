// Drawn on a 20 px grid with one stroke, so that they sit evenly beside 14 px text.
const paths = {
  menu: 'M3 5.5h14M3 10h14M3 14.5h14',
  list: 'M3 4.5h14v11H3zM3 8.2h14M7.5 8.2v7.3',
  live: 'M10 8.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6M6 6a5.7 5.7 0 0 0 0 8M14 6a5.7 5.7 0 0 1 0 8M3.5 3.5a9.2 9.2 0 0 0 0 13M16.5 3.5a9.2 9.2 0 0 1 0 13',
  open: 'M3 6.500V4h5l1.500 2H17v10H3zM3 8.500h14',
  wall: 'M3 4h6v5H3zM11 4h6v5h-6zM3 11h6v5H3zM11 11h6v5h-6z',
  user: 'M10 3.2a3.3 3.3 0 1 0 0 6.6 3.3 3.3 0 0 0 0-6.6M3.8 17c.6-3.2 3-5 6.2-5s5.600 1.800 6.200 5',
  play: 'M6 3.800v12.400l10-6.200z',
  pause: 'M6.500 4v12M13.500 4v12',
  stop: 'M5 5h10v10H5z',
  back: 'M10 5 5 10l5 5M16 5l-5 5 5 5',
  forward: 'M10 5l5 5-5 5M4 5l5 5-5 5',
  full: 'M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4',
  share:
    'M8.300 11.700a3 3 0 0 0 4.300 0l3-3a3 3 0 0 0-4.300-4.300l-1 1M11.700 8.300a3 3 0 0 0-4.300 0l-3 3a3 3 0 0 0 4.300 4.300l1-1',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  check: 'M4 10.500l4 4 8-9',
  close: 'M5 5l10 10M15 5 5 15',
  skip: 'M4 5l5 5-5 5zM11 10h.01M14 10h.01M17 10h.01',
  shade: 'M3 16v-5M6 16V7M17 16v-4M14 16V5M9 16h2M9 11h2M9 6h2',
  fit: 'M3 5h14v10H3zM6 8h8v4H6z',
  sharp: 'M4 4h12v12H4zM4 10h12M10 4v12',
  border: 'M2.500 4h15v12h-15zM5 6.500h10v7H5z',
  panel: 'M3 4h14v12H3zM13 4v12',
  shield: 'M10 2.800 4 5v4.500c0 3.700 2.500 6.500 6 7.700 3.500-1.200 6-4 6-7.700V5z',
  warn: 'M10 3 2.500 16.500h15zM10 8v4M10 14.300v.01',
} as const

export type IconName = keyof typeof paths

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  const solid = name === 'play' || name === 'stop'
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill={solid ? 'currentColor' : 'none'}
      stroke="currentColor"
      stroke-width={name === 'pause' ? 2.6 : 1.5}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  )
}
