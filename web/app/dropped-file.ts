import { useEffect } from 'preact/hooks'
import type { App } from './app-state.ts'

/** A file dropped anywhere on the pages is opened, instead of by the browser in their place. */
export function useDroppedFile({ file, router }: App): void {
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const over = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault()
    }
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      const dropped = event.dataTransfer?.files[0]
      if (!dropped) return
      file.value = dropped
      if (router.place.peek().path !== '/file') router.go('/file')
    }
    addEventListener('dragover', over)
    addEventListener('drop', drop)
    return () => {
      removeEventListener('dragover', over)
      removeEventListener('drop', drop)
    }
  }, [file, router])
}
