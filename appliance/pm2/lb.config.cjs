// What pm2 runs on a balancer: HAProxy, and the watch that tells systemd whether it answers.

const root = require('node:path').resolve(__dirname, '../..')
const config = process.env.TAPEDECK_HAPROXY_CONFIG ?? '/etc/haproxy/haproxy.cfg'
const masterSocket = process.env.TAPEDECK_HAPROXY_MASTER ?? '/run/haproxy-master.sock'
const pidFile = process.env.TAPEDECK_HAPROXY_PID ?? '/run/haproxy.pid'

const common = {
  exec_mode: 'fork',
  exp_backoff_restart_delay: 100,
  treekill: false,
  kill_timeout: 10_000,
  // Their lines go to the journal.
  out_file: '/dev/null',
  error_file: '/dev/null',
  pmx: false,
  vizion: false,
  automation: false,
}

module.exports = {
  apps: [
    {
      ...common,
      name: 'haproxy',
      script: '/usr/sbin/haproxy',
      args: ['-W', '-S', masterSocket, '-p', pidFile, '-f', config],
      interpreter: 'none',
    },
    {
      ...common,
      // Its name must be none of pm2's own settings.
      name: 'haproxy-alive',
      script: `${root}/appliance/main.ts`,
      args: ['lb', 'watch', '--config', config],
      interpreter: `${root}/node_modules/node/bin/node`,
      interpreter_args: '--disable-warning=ExperimentalWarning',
    },
  ],
}
