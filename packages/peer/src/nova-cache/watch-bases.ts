import { type FSWatcher, watch } from 'node:fs'

const BASE_NAME = /^[0-9a-f]{40}$/

/** Tells when a base file gets or loses its name. Where that cannot be watched, as on many network file systems, it tells nothing. */
export function watchBases(directory: string, onChange: () => void): Disposable {
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(directory, { persistent: false }, (event, name) => {
      // What is written into files changes nothing here.
      if (event === 'rename' && name !== null && BASE_NAME.test(name)) onChange()
    })
    watcher.on('error', () => watcher?.close())
  } catch {}
  return { [Symbol.dispose]: () => watcher?.close() }
}
