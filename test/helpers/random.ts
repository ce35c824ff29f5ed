/** Numbers from 0 to below 1, the same for the same seed (mulberry32): a failure can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The seed of this run: TAPEDECK_SEED, or a new one. */
export function seedOfRun(): number {
  const given = process.env.TAPEDECK_SEED
  if (given === undefined) return Math.floor(Math.random() * 2 ** 32)
  if (!/^\d{1,10}$/.test(given)) throw new Error(`TAPEDECK_SEED: expected a whole number, got ${given}.`)
  return Number(given)
}

export function pick<T>(random: () => number, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!
}
