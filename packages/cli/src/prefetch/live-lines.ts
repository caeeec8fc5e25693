const CLEAR_REST_OF_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const up = (lines: number) => (lines === 0 ? '' : `\u001b[${lines}A`)

/** Lines on a terminal that are drawn over again and again. */
export interface LiveLines {
  /** Draws what `render` makes for the size that the terminal has now. */
  draw(render: (size: { columns: number; rows: number }) => readonly string[]): void
}

/** Draws at the end of what the stream shows; nobody else may write to it meanwhile. What was drawn last stays. */
export function createLiveLines(stream: NodeJS.WritableStream): LiveLines {
  let drawn = 0
  return {
    draw: (render) => {
      const { columns = 80, rows = 24 } = stream as { columns?: number; rows?: number }
      // The line below the last is the cursor's: a screen that is full would scroll away from under it.
      const lines = render({ columns, rows: rows - 1 })
      // In one write, or the terminal may show half of it.
      const text = lines.map((line) => `${line}${CLEAR_REST_OF_LINE}\n`).join('')
      stream.write(`${up(drawn)}${text}${CLEAR_BELOW}`)
      drawn = lines.length
    },
  }
}
