import { useEffect } from 'preact/hooks'
import type { App } from './app-state.ts'

/** Files dropped anywhere on the pages are opened, instead of by the browser in their place. */
export function useDroppedFiles({ files, router }: App): void {
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const over = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault()
    }
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      const dropped = [...(event.dataTransfer?.files ?? [])]
      if (dropped.length === 0) return
      files.value = dropped
      if (router.place.peek().path !== '/file') router.go('/file')
    }
    addEventListener('dragover', over)
    addEventListener('drop', drop)
    return () => {
      removeEventListener('dragover', over)
      removeEventListener('drop', drop)
    }
  }, [files, router])
}
