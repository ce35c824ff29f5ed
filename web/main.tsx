import { render } from 'preact'
import './styles/tokens.css'
import './styles/base.css'
import './styles/frame.css'
import './styles/wall.css'
import './styles/recordings.css'
import './styles/player.css'
import '@xterm/xterm/css/xterm.css'
import { openApp } from './app/app-state.ts'
import { Root } from './app/root.tsx'

render(<Root app={openApp()} />, document.getElementById('app')!)
