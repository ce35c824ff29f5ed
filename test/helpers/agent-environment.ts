/** What the agent's systemd unit sets for its memory (systemd/tapedeck-agent.service). */
export const agentEnvironment = {
  UV_THREADPOOL_SIZE: '16',
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '4194304',
}
