const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_REST_OF_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

/** The whole of a terminal, drawn over again and again; what was there before is back when it is closed. */
export interface FullScreen {
  draw(render: (size: ScreenSize) => readonly string[]): void
  close(): void
}

export function openFullScreen(stream: NodeJS.WritableStream): FullScreen {
  stream.write(ENTER)
  return {
    draw: (render) => {
      const { columns = 80, rows = 24 } = stream as Partial<ScreenSize>
      const lines = render({ columns, rows }).slice(0, rows)
      // In one write, or the terminal may show half of it; no line break after the last, or a full screen scrolls.
      stream.write(`${HOME}${lines.map((line) => `${line}${CLEAR_REST_OF_LINE}`).join('\r\n')}${CLEAR_BELOW}`)
    },
    close: () => {
      stream.write(LEAVE)
    },
  }
}
