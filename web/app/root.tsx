import { useEffect } from 'preact/hooks'
import { AccountPage } from '../pages/account.tsx'
import { FilePage } from '../pages/file.tsx'
import { PlaybackPage } from '../pages/playback.tsx'
import { RecordingsPage } from '../pages/recordings.tsx'
import { SharePage } from '../pages/share.tsx'
import { SignInPage } from '../pages/sign-in.tsx'
import { NotFound } from '../ui/faces.tsx'
import { type App, AppContext } from './app-state.ts'
import { useDroppedFiles } from './dropped-file.ts'
import { Frame } from './frame.tsx'

/** Chooses the page. Signed-out visitors see the sign-in page at whatever address they came for, and go on there;
 * their own files they may play. */
export function Root({ app }: { app: App }) {
  const { path } = app.router.place.value
  const session = app.session.value
  const ticket = path === '/sign-in' ? /^#ticket=([\w-]+)$/.exec(location.hash)?.[1] : undefined
  useEffect(() => {
    if (ticket !== undefined) app.enterByLink(ticket)
  }, [app, ticket])
  useEffect(() => {
    if (ticket === undefined) app.askSession()
  }, [app])

  useDroppedFiles(app)

  if (session === undefined) return null
  return (
    <AppContext.Provider value={app}>
      {!session && path === '/file' ? (
        <main class="main alone-player">
          <FilePage />
        </main>
      ) : !session || path === '/sign-in' ? (
        <SignInPage />
      ) : (
        <Frame>
          <Page path={path} />
        </Frame>
      )}
    </AppContext.Provider>
  )
}

function Page({ path }: { path: string }) {
  if (path === '/') return <RecordingsPage key="all" live={false} />
  if (path === '/live') return <RecordingsPage key="live" live={true} />
  if (path === '/file') return <FilePage />
  if (path === '/account') return <AccountPage />
  const recording = /^\/recordings\/([0-9a-fA-F-]{36})$/.exec(path)?.[1]
  if (recording) return <PlaybackPage key={recording} id={recording} />
  const token = /^\/s\/([\w.-]+)$/.exec(path)?.[1]
  if (token) return <SharePage token={token} />
  return <NotFound />
}
