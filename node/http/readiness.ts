/** Anybody may ask, and each look costs the stores a sync. */
const keptMs = 1_000
/** Below the 3 s that a balancer waits for its answer. */
const lookMs = 2_000

/**
 * Why this node cannot be used now, or `undefined`. One look at a time: on a share that hangs each would hold a thread
 * of the pool until none is left for those that work. `look` may reject: then what it uses is gone.
 */
export function openReadiness(
  look: () => Promise<string | undefined>,
  times: { keptMs?: number; lookMs?: number } = {},
): () => Promise<string | undefined> {
  const limits = { keptMs, lookMs, ...times }
  let looking: Promise<string | undefined> | undefined
  let seen: { atMs: number; code: string | undefined } | undefined
  const begin = () =>
    look()
      .catch(() => 'catalog-away')
      .then((code) => {
        seen = { atMs: Date.now(), code }
        looking = undefined
        return code
      })
  return async () => {
    if (!looking && seen && Date.now() - seen.atMs < limits.keptMs) return seen.code
    looking ??= begin()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve('slow'), limits.lookMs)
    })
    const code = await Promise.race([looking, late])
    clearTimeout(timer)
    return code
  }
}
