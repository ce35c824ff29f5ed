import { createServer, type Server } from 'node:net'
import type { IsBalancer } from './balancer-list.ts'

// Tells a balancer how loaded this node is. HAProxy connects every few seconds, reads one line and scales the node's
// weight with it; among weights it then counts connections (`leastconn`).
//
//   percent = max(1, round(100 / (1 + rate / 256 KiB/s)))
//
//   rate        0      64 KiB/s  256 KiB/s  1 MiB/s  2.5 MiB/s  8 MiB/s  ≥ 25 MiB/s
//   percent   100            80         50       20          9        3           1
//
// HAProxy picks the lowest (connections + 1) ÷ weight, so far above 256 KiB/s the cost of a node is connections × bytes a
// second, and far below it, where nodes are as good as equal, connections alone. 256 KiB/s is some 90 sessions of 10 MB an
// hour. Limits: a weight knows 100 steps, so nodes above 25 MiB/s look alike; it is as old as the check's interval; a node
// with no connection at this balancer goes first whatever its weight; only what agents bring counts, not what viewers take.

const halfBytesPerS = 256 * 1024
/** Shorter follows every burst, longer sends a wave of new agents to the node that was idle a minute ago. */
const windowMs = 10_000
/** A balancer reads one line and goes. */
const answerMs = 2_000

/** The mean of a growing total, in units a second, where what is `windowMs` old counts a third. */
export function openRateMeter(total: () => number, now: () => number = performance.now.bind(performance)) {
  let atMs = now()
  let counted = total()
  let perS = 0
  return (): number => {
    const passedMs = now() - atMs
    // Two balancers may ask at once.
    if (passedMs < 100) return perS
    const fresh = total()
    const kept = Math.exp(-passedMs / windowMs)
    perS = perS * kept + (((fresh - counted) * 1000) / passedMs) * (1 - kept)
    atMs += passedMs
    counted = fresh
    return perS
  }
}

export function weightPercent(bytesPerS: number): number {
  return Math.max(1, Math.round(100 / (1 + bytesPerS / halfBytesPerS)))
}

/** Answers balancers and nobody else. Only a percentage: a word such as `up` would undo an operator's `drain`. */
export function buildAgentCheck(percent: () => number, isBalancer: IsBalancer): Server {
  return createServer((socket) => {
    socket.on('error', () => socket.destroy())
    if (!isBalancer(socket.remoteAddress)) return socket.destroy()
    socket.setTimeout(answerMs, () => socket.destroy())
    socket.resume().end(`${percent()}%\n`)
  })
}
