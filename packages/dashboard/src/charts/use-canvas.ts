import { type RefObject, useEffect, useRef } from 'react'
import { onThemeChange } from '../app/theme.ts'

export interface Surface {
  readonly context: CanvasRenderingContext2D
  /** In CSS pixels. */
  readonly width: number
  readonly height: number
}

/**
 * Keeps a drawing on a canvas: it is drawn again when `draw` is another function, when the canvas gets another size, and when colours
 * change; at most once a frame of the screen.
 */
export function useCanvas(draw: (surface: Surface) => void): RefObject<HTMLCanvasElement | null> {
  const ref = useRef<HTMLCanvasElement>(null)
  const latest = useRef(draw)
  latest.current = draw
  const ask = useRef(() => {})
  useEffect(() => {
    const canvas = ref.current
    if (canvas === null) return undefined
    let frame = 0
    const paint = () => {
      frame = 0
      const surface = prepare(canvas)
      if (surface !== undefined) latest.current(surface)
    }
    ask.current = () => {
      if (frame === 0) frame = requestAnimationFrame(paint)
    }
    const resize = new ResizeObserver(() => ask.current())
    resize.observe(canvas)
    const forget = onThemeChange(() => ask.current())
    return () => {
      cancelAnimationFrame(frame)
      resize.disconnect()
      forget()
    }
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another drawing is why it is drawn again.
  useEffect(() => ask.current(), [draw])
  return ref
}

/** Fits the canvas to its place, sharp on any screen, and clears it. */
function prepare(canvas: HTMLCanvasElement): Surface | undefined {
  const context = canvas.getContext('2d')
  const { clientWidth: width, clientHeight: height } = canvas
  if (context === null || width === 0 || height === 0) return undefined
  const scale = window.devicePixelRatio || 1
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)]
  if (canvas.width !== wide) canvas.width = wide
  if (canvas.height !== high) canvas.height = high
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, width, height)
  return { context, width, height }
}
