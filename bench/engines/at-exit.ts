/**
 * What must not stay behind when this process is ended in the middle: a function that undoes it without waiting.
 * Returns a function that forgets it, for when it was undone in order.
 */
export function atExit(undo: () => void): () => void {
  if (undone.size === 0) process.on('exit', undoAll)
  undone.add(undo)
  return () => {
    undone.delete(undo)
    if (undone.size === 0) process.off('exit', undoAll)
  }
}

const undone = new Set<() => void>()

function undoAll(): void {
  for (const undo of [...undone].reverse()) {
    try {
      undo()
    } catch (error) {
      console.error(error)
    }
  }
}
