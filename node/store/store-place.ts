/** Where a recording lies. `path` = `YYYY/MM/DD/<recording>` in the folder whose identity is `store`; a stream adds its ending. */
export interface StorePlace {
  store: string
  path: string
}

export function recordingOf({ path }: StorePlace): string {
  return path.slice(-36)
}
