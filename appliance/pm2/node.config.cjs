// What pm2 runs on a node: one process, the node's own primary, which keeps its workers and replaces those that hang.

const root = require('node:path').resolve(__dirname, '../..')
const home = process.env.TAPEDECK_HOME ?? '/var/lib/tapedeck-node'

module.exports = {
  apps: [
    {
      name: 'node',
      script: `${root}/node/main.ts`,
      args: `${home}/node/node.json`,
      interpreter: `${root}/node_modules/node/bin/node`,
      interpreter_args: '--disable-warning=ExperimentalWarning',
      exec_mode: 'fork',
      // One that dies at once is started again later and later, up to 15 s.
      exp_backoff_restart_delay: 100,
      // The primary tells its workers; 30 s for what has come, and some for closing.
      treekill: false,
      kill_timeout: 45_000,
      // pm2 makes node-0.pid of it.
      pid_file: `${process.env.RUNTIME_DIRECTORY ?? home}/node.pid`,
      // Its lines go to the journal, which has limits of its own; no file grows.
      out_file: '/dev/null',
      error_file: '/dev/null',
      pmx: false,
      vizion: false,
      automation: false,
    },
  ],
}
