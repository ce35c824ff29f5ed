import { launchChromium } from '../helpers/chromium.ts'
import { makeIdentities } from '../helpers/sample-stream.ts'
import { openStandIn } from './stand-in.ts'
import { heldDesktop, ticking } from './sample-desktops.ts'
const identities = makeIdentities()
const server = await openStandIn(identities.farm.publicKey)
const clock = await heldDesktop(identities, 1, ticking(1200))
server.held.set(clock.recording.id, clock)
const browser = await launchChromium()
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
page.on('console', (m) => console.log('console', m.text()))
page.on('pageerror', (e) => console.log('error', e))
await page.goto(`${server.url}/recordings/${clock.recording.id}?t=0`)
await page.waitForTimeout(1500)
await page.getByTestId('seek-bar').hover({ position: { x: 300, y: 20 } })
await page.waitForTimeout(2000)
await page.keyboard.press('Home'); const b=(await page.getByTestId('seek-bar').boundingBox())!; await page.mouse.click(b.x+300,b.y+20); await page.waitForTimeout(800); console.log(await page.getByTestId('gap').textContent()); await page.screenshot({ path: '/tmp/pl/hover.png' })
console.log(server.requests.slice(-8))
await browser.close()
await server.close()
